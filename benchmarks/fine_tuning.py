"""Teach `mini` to answer, in several ways, and ask it what it was not taught.

    python benchmarks/pretraining.py --save bases/{seed} > /dev/null
    python benchmarks/fine_tuning.py bases fine_tuning.json

Shown on code/fine-tuning. Settings were chosen on the validation subjects of world 0;
what is recorded is about the test subjects. A base model for each seed lies in a
directory of that name. A run is kept in the file when it is done, and is not made
twice; three to eight minutes each on a core, half an hour a seed.
--save keeps the models of the runs main, `mini-sft` among them, and takes them from
there another time.
"""

import copy
import dataclasses
import itertools
import json
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import click
from corpora import prepare
from tqdm import tqdm

from insidegpt.align.sft import Examples, Replayed, encode_examples
from insidegpt.align.stages import (
    MANNERS,
    ROWS,
    SFT,
    TAUGHT,
    TAUGHT_UNKNOWN,
    build_town,
    replay,
)
from insidegpt.measure.knowledge import accuracy, quiz
from insidegpt.measure.replies import reply_to, shares
from insidegpt.model.checkpoint import load_model, save_checkpoint
from insidegpt.model.gpt import GPT
from insidegpt.text.vocab import load_tokenizer
from insidegpt.text.world.dialogues import (
    Talk,
    write_dialogues,
    write_questions,
    write_second_turns,
)
from insidegpt.text.world.documents import write_clozes
from insidegpt.text.world.facts import RULES, TIMES
from insidegpt.text.world.questions import QUESTIONS
from insidegpt.train.loop import train
from insidegpt.train.loss import next_token_loss

RUNS: dict[str, dict] = {
    "main": {},
    "plain": {"replayed": False},  # no documents among the conversations
    "no mask": {"mask": False},  # what users say is to be learned as well
    **{f"steps {n}": {"steps": n} for n in (100, 200, 800)},  # each with new ones
    **{f"dialogues {n}": {"count": n} for n in (200, 1600)},  # read again and again
    **{f"unknown {share}": {"unknown": share} for share in (0.0, 0.6)},
}


class Lesson:
    """A base model, its world, and those whom it is taught about and asked about."""

    def __init__(self, seed: int, bases: Path, part: str, device: str) -> None:
        self.town, self.material = build_town(seed), prepare(seed)
        self.base = load_model(bases / str(seed), trainable=True).to(device)
        self.tokenizer = load_tokenizer(bases / str(seed))
        self.asked = {"valid": self.town.valid, "test": self.town.test}[part]

    def teach(
        self,
        *,
        steps: int = SFT.steps,
        count: int | None = None,  # of conversations; None: each is read once
        unknown: float = TAUGHT_UNKNOWN,
        mask: bool = True,
        replayed: bool = True,
    ) -> tuple[GPT, float]:
        """A model that has learned from conversations, and the seconds it took."""
        town = self.town
        taught = [subject for subject in town.learn if subject.times in TAUGHT]
        settings = {"count": count or steps * ROWS, "unknown": unknown}
        settings |= {"manners": MANNERS, "seed": town.seed}
        talks = write_dialogues(town.world, taught, **settings)
        texts = [talk.messages for talk in talks]
        examples = encode_examples(self.tokenizer, texts, context_tokens=256)
        if not mask:
            examples = [e._replace(learn=[True] * len(e.ids)) for e in examples]
        batches = Examples(examples, rows=ROWS, seed=town.seed)
        if replayed:
            batches = Replayed(batches, replay(town, self.tokenizer))
        model, began = copy.deepcopy(self.base), time.perf_counter()
        device = str(model.device)
        config = dataclasses.replace(SFT, steps=steps, device=device)
        for _ in tqdm(train(model, batches, next_token_loss, config), total=steps):
            pass
        return model.eval(), time.perf_counter() - began

    def ask(self, model: GPT) -> dict:
        """Shares of right, wrong, unknown and odd replies, for whom they are about."""
        world = self.town.world
        replies = reply_to(model, self.tokenizer, write_questions(world, self.asked))
        often = [s for s in self.asked if s.times >= 64]
        second = reply_to(model, self.tokenizer, write_second_turns(world, often))

        def of(wanted: Callable[[Talk], bool], some: list) -> dict[str, float]:
            mine = (reply for reply in some if wanted(reply.talk))
            return {kind: round(share, 4) for kind, share in shares(mine).items()}

        found = {
            f"strangers, {name}": of(
                lambda t, asked=asked: (
                    stranger(world, t) and chance(t) and t.subject.asked is asked
                ),
                replies,
            )
            for name, asked in (("asked about", True), ("never named", False))
        }
        for times in TIMES:
            found[str(times)] = of(
                lambda t, n=times: (
                    t.subject.times == n and chance(t) and not stranger(world, t)
                ),
                replies,
            )
        for relation in QUESTIONS:
            found[relation] = of(
                lambda t, r=relation: t.relation == r and t.subject.times >= 64, replies
            )
        found["second turns"] = of(chance, second)
        found["all"] = of(lambda _: True, replies + second)
        found["ended"] = round(sum(r.ended for r in replies) / len(replies), 4)
        return found

    def look(self, model: GPT) -> dict:
        """What it answers, and what it has kept."""
        return {"asked": self.ask(model), "kept": self.kept(model)}

    def kept(self, model: GPT) -> dict[str, float]:
        """What is left of the base model: documents, and facts that they tell."""
        answers = quiz(model, self.tokenizer, write_clozes(self.town.world))
        often = [accuracy(answers, rules=False, times=n) for n in (64, 256)]
        bits = self.material.bits_per_byte(model)
        return {"bits_per_byte": round(bits, 4), "known": round(sum(often) / 2, 4)}


def chance(talk: Talk) -> bool:
    """Whether the answer can't be told from the name."""
    return talk.relation not in RULES


def stranger(world, talk: Talk) -> bool:
    """Whether nothing is true of the subject."""
    return (talk.subject.name, talk.relation) not in world.truth


@click.command()
@click.argument("bases", type=Path)
@click.argument("record", type=Path)
@click.option("--part", type=click.Choice(["valid", "test"]), default="test")
@click.option("--save", help="Keep the models of main here; with {seed} in it.")
@click.option("--seeds", default=3, show_default=True)
@click.option("--first", default=0, show_default=True, help="The first seed.")
@click.option("--device", default="cpu", show_default=True)
def main(bases, record, part, save, seeds, first, device) -> None:
    """Make the runs that the file RECORD doesn't have yet."""
    kept = {"command": "python benchmarks/fine_tuning.py bases fine_tuning.json"}
    kept |= {"base": {}, "runs": {}}
    kept = json.loads(record.read_text("utf-8")) if record.exists() else kept
    lessons = cache(lambda seed: Lesson(seed, bases, part, device))
    for seed, (name, way) in itertools.product(
        range(first, first + seeds), RUNS.items()
    ):
        lesson = lessons(seed)
        if str(seed) not in kept["base"]:
            kept["base"][str(seed)] = lesson.kept(lesson.base)
        if f"{name} {seed}" not in kept["runs"]:
            place = Path(save.format(seed=seed)) if save and name == "main" else None
            run = {"seed": seed, **way, **made(lesson, way, place)}
            kept["runs"][f"{name} {seed}"] = run
            record.write_text(json.dumps(kept, separators=(",", ":")) + "\n", "utf-8")


def made(lesson: Lesson, way: dict, place: Path | None) -> dict:
    """One run; its model is kept in the place, or taken from there."""
    if place and place.exists():
        model, seconds = load_model(place).to(lesson.base.device), 0
    else:
        model, seconds = lesson.teach(**way)
    if place and not place.exists():
        save_checkpoint(model, lesson.tokenizer, place)
    return {"seconds": round(seconds), **lesson.look(model)}


if __name__ == "__main__":
    main()
