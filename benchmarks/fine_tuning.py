"""Teach `mini` to answer, in several ways, and ask it what it was not taught.

    python benchmarks/pretraining.py --save bases/{seed} > /dev/null
    python benchmarks/fine_tuning.py bases > src/insidegpt/show/records/fine_tuning.json
    python benchmarks/fine_tuning.py bases --save src/insidegpt/checkpoints/mini-sft

Shown on code/fine-tuning. Settings were chosen on the validation subjects of world 0;
what is recorded is about the test subjects. A base model for each seed lies in a
directory of that name. About a minute a training.
"""

import copy
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from corpora import prepare
from tqdm import tqdm

from insidegpt.align.sft import Examples, encode_examples
from insidegpt.measure.knowledge import accuracy, quiz
from insidegpt.measure.replies import reply_to, shares
from insidegpt.model.checkpoint import load_model, save_checkpoint
from insidegpt.model.gpt import GPT
from insidegpt.text.vocab import load_tokenizer
from insidegpt.text.world.dialogues import (
    Known,
    Talk,
    told,
    write_dialogues,
    write_questions,
    write_second_turns,
)
from insidegpt.text.world.documents import write_clozes
from insidegpt.text.world.facts import RULES, TIMES, split_subjects
from insidegpt.train.loop import TrainConfig, train
from insidegpt.train.loss import next_token_loss

COUNT, STEPS, ROWS, UNKNOWN = 8000, 250, 32, 0.15
RATES = {"lr": 3e-3, "matrix_lr": 0.01, "warmup": 10, "decay": 1.0}
COUNTS = (125, 500, 2000)
DIAL = (0.0, 0.05, 0.3, 0.5)  # beside UNKNOWN
TAUGHT = (0, 16, 64, 256)  # of whom one learns to answer: known, or not at all


class Lesson:
    """A base model, its world, and those whom it is taught about and asked about."""

    def __init__(self, seed: int, bases: Path, part: str) -> None:
        self.seed, self.material = seed, prepare(seed)
        self.base = load_model(bases / str(seed), trainable=True)
        self.tokenizer = load_tokenizer(bases / str(seed))
        world = self.material.world
        learn, valid, test = split_subjects(world.subjects + world.strangers, seed)
        self.everyone = learn
        self.taught = [s for s in learn if s.times in TAUGHT]
        self.asked = {"valid": valid, "test": test}[part]

    def teach(
        self,
        *,
        count: int = COUNT,
        unknown: float = UNKNOWN,
        mask: bool = True,
        known: Known = told,
        draw: int = 0,
    ) -> tuple[GPT, float]:
        """A model that has learned from conversations, and the seconds it took."""
        talks = write_dialogues(
            self.material.world, self.taught if known is told else self.everyone,
            count=count, unknown=unknown, seed=1000 * draw + self.seed, known=known,
        )  # fmt: skip
        examples = encode_examples(
            self.tokenizer, [talk.messages for talk in talks], context_tokens=256
        )
        if not mask:
            examples = [e._replace(learn=[True] * len(e.ids)) for e in examples]
        batches = Examples(examples, rows=ROWS, seed=draw)
        model, began = copy.deepcopy(self.base), time.perf_counter()
        loop = train(model, batches, next_token_loss, TrainConfig(STEPS, **RATES))
        for _ in tqdm(loop, total=STEPS, leave=False):
            pass
        return model.eval(), time.perf_counter() - began

    def ask(self, model: GPT) -> dict:
        """Shares of right, wrong, unknown and odd replies, for whom they are about."""
        world = self.material.world
        replies = reply_to(model, self.tokenizer, write_questions(world, self.asked))
        often = [s for s in self.asked if s.times >= 64]
        second = reply_to(model, self.tokenizer, write_second_turns(world, often))

        def of(wanted: Callable[[Talk], bool], some: list) -> dict[str, float]:
            mine = (reply for reply in some if wanted(reply.talk))
            return {kind: round(share, 4) for kind, share in shares(mine).items()}

        found = {"strangers": of(lambda t: stranger(world, t) and chance(t), replies)}
        for times in TIMES:
            found[str(times)] = of(
                lambda t, n=times: (
                    t.subject.times == n and chance(t) and not stranger(world, t)
                ),
                replies,
            )
        found["second turns"] = of(chance, second)
        found["ended"] = round(sum(r.ended for r in replies) / len(replies), 4)
        return found

    def kept(self, model: GPT) -> dict[str, float]:
        """What is left of the base model: documents, and facts that they tell."""
        answers = quiz(model, self.tokenizer, write_clozes(self.material.world))
        often = [accuracy(answers, rules=False, times=n) for n in (64, 256)]
        bits = self.material.bits_per_byte(model)
        return {"bits_per_byte": round(bits, 4), "known": round(sum(often) / 2, 4)}


def chance(talk: Talk) -> bool:
    """Whether the answer can't be told from the name."""
    return talk.relation not in RULES


def stranger(world, talk: Talk) -> bool:
    """Whether nothing is true of the subject."""
    return (talk.subject.name, talk.relation) not in world.truth


def probed(lesson: Lesson) -> Known:
    """Known is what the base model completes rightly, in words of documents, twice."""
    clozes = write_clozes(lesson.material.world, "trained")
    right: dict[tuple[str, str], bool] = {}
    for answer in quiz(lesson.base, lesson.tokenizer, clozes):
        key = answer.cloze.subject.name, answer.cloze.relation
        right[key] = right.get(key, True) and answer.right
    return lambda subject, relation: right.get((subject.name, relation), False)


def runs(lesson: Lesson, group: str) -> Iterator[dict]:
    """Each training of a group, and what became of it."""
    ways: list[dict] = {
        "main": [{"draw": n} for n in range(5 if lesson.seed == 0 else 1)],
        "mask": [{"mask": False}],
        "count": [{"count": n} for n in COUNTS],
        "dial": [{"unknown": share} for share in DIAL],
        "probed": [{"unknown": u, "known": "probed"} for u in (UNKNOWN, *DIAL[2:])],
    }[group]
    for way in ways:
        settings = dict(way)
        if settings.get("known"):
            settings["known"] = probed(lesson)
        model, seconds = lesson.teach(**settings)
        yield {
            "seed": lesson.seed,
            **way,
            "seconds": round(seconds),
            "asked": lesson.ask(model),
            "kept": lesson.kept(model) if group in ("main", "mask") else None,
        }


@click.command()
@click.argument("bases", type=Path)
@click.option("--groups", default="main,mask,count,dial,probed", show_default=True)
@click.option("--seeds", default="0,1,2", show_default=True)
@click.option("--part", type=click.Choice(["valid", "test"]), default="test")
@click.option("--save", type=Path, help="Keep the first model here, and do no more.")
def main(bases: Path, groups: str, seeds: str, part: str, save: Path | None) -> None:
    """Print one JSON document."""
    found: dict[str, list[dict]] = {}
    for seed in map(int, seeds.split(",")):
        lesson = Lesson(seed, bases, part)
        if save:
            save_checkpoint(lesson.teach()[0], lesson.tokenizer, save)
            return
        found.setdefault("base", []).append(
            {"seed": seed, "kept": lesson.kept(lesson.base)}
        )
        for group in groups.split(","):
            for run in runs(lesson, group):
                found.setdefault(group, []).append(run)
                print(group, json.dumps(run), file=sys.stderr, flush=True)
    command = f"python benchmarks/fine_tuning.py bases --groups {groups}"
    json.dump({"command": command} | found, sys.stdout, separators=(",", ":"))


if __name__ == "__main__":
    main()
