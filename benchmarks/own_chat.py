"""From text to a chat: what a model says at every moment, and what each stage changed.

    python benchmarks/own_chat.py own_chat.json

Shown on code/your-own-chatgpt. It is `insidegpt train chat` (or `small-chat`, by
`--plan`), with a look at the model now and then; the looks are not in the times. All
questions are about the test subjects of world 0, about whom no conversation and no
comparison was made; those that are shown are the first of their kind. A quarter of an
hour on two cores.
"""

import dataclasses
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import click
import torch
from tqdm import tqdm

import insidegpt
from insidegpt.align.pipeline import PLANS, Plan, build, load_judge
from insidegpt.align.reward import RewardModel, encode_pair, rate
from insidegpt.align.stages import Town, build_town, by_model, questions
from insidegpt.infer.generate import generate_batch
from insidegpt.measure.intervals import paired_difference
from insidegpt.measure.replies import Reply, grade, reply_to
from insidegpt.measure.standing import assess
from insidegpt.model.gpt import GPT
from insidegpt.text.interface import Tokenizer
from insidegpt.text.world.dialogues import Talk
from insidegpt.text.world.preferences import Annotator, Gold, sayings, write_choices

LOOKS = {  # shares of a stage's steps; then the model is asked
    "base": (0, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1),
    "sft": (0.025, 0.05, 0.1, 0.2, 0.4, 0.7, 1),
    "chat": (0.2, 0.4, 0.6, 0.8, 1),
}
NEW_TOKENS = 24


class Examiner:
    """The questions that are asked again and again, of test subjects."""

    def __init__(self, town: Town) -> None:
        self.town = town
        every = questions(town, town.test, count=6000, seed=2)
        short = [t for t in every if len(t.prompt) == 1 and t.manner == "short"]
        self.known = [t for t in short if t.subject.times >= 64][:300]
        self.strange = [t for t in short if not t.answerable][:300]
        self.shown = self.choose(every)
        self.drawn = every[:1500]

    def choose(self, every: list[Talk]) -> list[Talk]:
        """The first of each kind: whom one knows, who is new, manners, second turns."""

        def first(times: tuple[int, ...], manner: str, turns: int) -> Talk:
            return next(
                talk
                for talk in every
                if talk.subject.times in times and talk.manner == manner
                if sum(m["role"] == "user" for m in talk.prompt) == turns
            )

        often = (64, 256)
        return [
            first((256,), "short", 1),
            first(often, "sentence", 1),
            first(often, "polite", 1),
            first(often, "short", 2),
            first((4,), "short", 1),
            first((0,), "short", 1),
        ]

    def ask(self, model: GPT, words: Tokenizer, talks: list[Talk], *, bare: bool):
        """Most likely answers. bare: to a model of texts, the question alone."""
        if not bare:
            return [
                r.text for r in reply_to(model, words, talks, max_new_tokens=NEW_TOKENS)
            ]
        ids = [words.encode(talk.prompt[-1]["content"]) for talk in talks]
        end = list(words.end_ids)
        said = generate_batch(model, ids, max_new_tokens=NEW_TOKENS, stop_ids=end)
        return [words.decode([i for i in answer if i not in end]) for answer in said]

    def look(self, model: GPT, words: Tokenizer, *, bare: bool) -> dict:
        """Shares of right answers about whom one knows, and of "I don't know" about
        the others; of texts that begin with no answer; and what was said."""
        model.eval()
        kinds = {}
        for name, talks in (("known", self.known), ("strange", self.strange)):
            said = self.ask(model, words, talks, bare=bare)
            pairs = zip(talks, said, strict=True)
            kinds[name] = [kind_of(talk, text, bare=bare) for talk, text in pairs]
        odd = kinds["known"] + kinds["strange"]
        shares = (
            kinds["known"].count("right") / len(self.known),
            kinds["strange"].count("unknown") / len(self.strange),
            odd.count("odd") / len(odd),
        )
        says = self.ask(model, words, self.shown, bare=bare)
        kept = [
            [text, kind_of(talk, text, bare=bare)]
            for talk, text in zip(self.shown, says, strict=True)
        ]
        return {"shares": [round(x, 3) for x in shares], "says": kept}


def kind_of(talk: Talk, text: str, *, bare: bool) -> str:
    """One of measure.replies.KINDS; of a bare continuation, its beginning counts."""
    if bare:
        said = [t for _, manner, t in sayings(talk) if manner == "short"]
        text = next((t for t in said if text.strip().startswith(t)), text)
    return grade(talk, text)


def at_the_end(directory: Path, examiner: Examiner, stage: str) -> dict:
    """What the model of a stage is worth, by greedy answers and by drawn ones, and what
    the greedy ones have gained since SFT (95 %, subjects drawn together)."""
    model, words = both(directory / stage)
    reference, _ = both(directory / "sft")
    replies = reply_to(model, words, examiner.drawn, max_new_tokens=NEW_TOKENS)
    proxy = by_model(examiner.drawn, words, load_judge(directory))
    stands = assess(model, reference, words, examiner.drawn, proxy=proxy)
    often = [r for r in replies if r.talk.subject.times >= 64]
    never = [r for r in replies if not r.talk.answerable]
    before = reply_to(reference, words, examiner.drawn, max_new_tokens=NEW_TOKENS)
    gained = {
        name: gain(replies, before, lambda r, turns=turns: users(r.talk) in turns)
        for name, turns in {"greedy": (1, 2), "one turn": (1,), "two": (2,)}.items()
    }
    bolder = gain(
        replies,
        before,
        lambda r: r.talk.subject.times >= 64,
        lambda r: r.kind == "right",
    )
    for name, asked in {"asked in vain": True, "in no document": False}.items():
        some = [r for r in never if r.talk.subject.asked == asked]
        gained |= {f"n, {name}": len(some), f"unknown, {name}": share(some, "unknown")}
    return {
        "gained": gained | {"right, often told": bolder},
        "n": [len(replies), len(often), len(never)],
        "formed": round(1 - share(replies, "odd"), 3),
        "right, often told": share(often, "right"),
        "unknown, often told": share(often, "unknown"),
        "unknown, never told": share(never, "unknown"),
        "wrong, never told": share(never, "wrong"),
        "gold, greedy": round(sum(worth(replies)) / len(replies), 3),
    } | {name: round(value, 3) for name, value in stands._asdict().items()}


def users(talk: Talk) -> int:
    """How many questions it has."""
    return sum(message["role"] == "user" for message in talk.prompt)


def gain(after: list[Reply], before: list[Reply], which, score=None) -> list[float]:
    """Mean gain in worth by gold, or in another score, over some of the questions, and
    its 95 % interval."""
    gold = Gold()
    score = score or (lambda reply: gold(reply.talk, reply.text))
    some = [pair for pair in zip(after, before, strict=True) if which(pair[0])]
    found = paired_difference(
        [float(score(one)) for one, _ in some],
        [float(score(other)) for _, other in some],
        groups=[one.talk.subject.name for one, _ in some],
    )
    return [round(value, 3) for value in found]


def worth(replies: list[Reply]) -> list[float]:
    """What each answer is worth by gold."""
    gold = Gold()
    return [gold(reply.talk, reply.text) for reply in replies]


def share(replies: list[Reply], kind: str) -> float:
    """How many of these are of a kind."""
    return round(sum(r.kind == kind for r in replies) / len(replies), 3)


def both(place: Path) -> tuple[GPT, Tokenizer]:
    """A stage's model, and its tokenizer."""
    return insidegpt.load_model(place, trainable=True).eval(), (
        insidegpt.load_tokenizer(place)
    )


def ranked(judge: RewardModel, words: Tokenizer, examiner: Examiner) -> float:
    """Share of held-out pairs that the reward model orders as gold does."""
    choices = write_choices(examiner.drawn, Annotator(), seed=9)
    pairs = [encode_pair(words, c.talk.prompt, c.chosen, c.rejected) for c in choices]
    better, worse = (rate(judge, side) for side in zip(*pairs, strict=True))
    right = sum(b > w for b, w in zip(better, worse, strict=True))
    return round(right / len(pairs), 3)


def follow(plan: Plan, directory: Path) -> dict:
    """Train, look, and say what was found."""
    examiner = Examiner(build_town(plan.base.seed, plan.base.source.people))
    seconds, moments, loop = {}, [], build(directory, plan)
    bar = tqdm(unit=" steps", leave=False)
    while True:
        began = time.perf_counter()
        step = next(loop, None)
        if step is None:
            break
        took = time.perf_counter() - began
        seconds[step.stage] = seconds.get(step.stage, 0) + took
        bar.set_description(step.stage)
        bar.update()
        at = {max(1, round(s * step.steps)) for s in LOOKS.get(step.stage, ())}
        if step.done not in at:
            continue
        words, bare = insidegpt.load_tokenizer(directory / "base"), step.stage == "base"
        found = examiner.look(step.model, words, bare=bare)
        moments.append({"stage": step.stage, "step": step.done} | found)
        print(step.stage, step.done, found["shares"], file=sys.stderr, flush=True)
    words = insidegpt.load_tokenizer(directory / "sft")
    return {
        "seed": plan.base.seed,
        "threads": torch.get_num_threads(),
        "seconds": {stage: round(took) for stage, took in seconds.items()},
        "asked": [talk.prompt for talk in examiner.shown],
        "about": [talk.subject.times for talk in examiner.shown],
        "answers": [talk.answer for talk in examiner.shown],
        "moments": moments,
        "ranked": ranked(load_judge(directory), words, examiner),
        "stages": ends(plan, directory),
    }


def ends(plan: Plan, directory: Path) -> dict:
    """What SFT is worth, and PPO by people and by the truth."""
    examiner = Examiner(build_town(plan.base.seed, plan.base.source.people))
    found = {s: at_the_end(directory, examiner, s) for s in ("sft", "chat")}
    return found | {
        "truth": at_the_end(paid_by_truth(plan, directory), examiner, "chat")
    }


def paid_by_truth(plan: Plan, directory: Path) -> Path:
    """The last stage again, with the truth in the place of the reward model."""
    other = directory.with_name(directory.name + "-truth")
    for stage in ("base", "sft", "reward"):
        shutil.copytree(directory / stage, other / stage, dirs_exist_ok=True)
    plan = dataclasses.replace(plan, judge="truth")
    for _ in tqdm(build(other, plan), total=plan.chat, leave=False):
        pass
    return other


@click.command()
@click.argument("record", type=Path)
@click.option("--plan", "name", type=click.Choice(list(PLANS)), default="chat")
@click.option("--directory", type=Path, help="Where the models are kept.")
def main(record: Path, name: str, directory: Path | None) -> None:
    """Train as the plan says, and keep what was found as RECORD; where it is there and
    its models are, what each stage is worth is measured again."""
    if record.exists() and directory:
        kept = json.loads(record.read_text("utf-8"))
        kept["run"]["stages"] = ends(PLANS[name], directory)
        record.write_text(json.dumps(kept, separators=(",", ":")) + "\n", "utf-8")
        return
    with tempfile.TemporaryDirectory() as other:
        run = follow(PLANS[name], directory or Path(other) / "chat")
    kept = {"command": "python benchmarks/own_chat.py own_chat.json", "run": run}
    record.write_text(json.dumps(kept, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
