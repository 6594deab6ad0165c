"""What each stage of `insidegpt train chat` changed: knowledge, form, honesty, worth.

    insidegpt train chat --out chat
    python benchmarks/own_chat.py chat > src/insidegpt/show/records/own_chat.json

Shown on code/your-own-chatgpt. All questions are about the test subjects of world 0,
from whom no stage after pretraining has learned. Two minutes on a core.
"""

import json
import sys
from pathlib import Path

import click

import insidegpt
from insidegpt.align.stages import Town, build_town, questions
from insidegpt.measure.knowledge import accuracy, quiz
from insidegpt.measure.replies import Reply, reply_to
from insidegpt.measure.standing import assess
from insidegpt.model.gpt import GPT
from insidegpt.text.interface import Tokenizer
from insidegpt.text.world.documents import write_clozes
from insidegpt.text.world.preferences import Gold

STAGES = ("base", "sft", "chat")


def share(replies: list[Reply], kind: str) -> float:
    """How many of these are of a kind."""
    return round(sum(r.kind == kind for r in replies) / len(replies), 3)


def greedy(model: GPT, tokenizer: Tokenizer, town: Town) -> dict:
    """Most likely answers, by whom they are about."""
    talks = questions(town, town.test, count=1500, seed=2)
    replies = reply_to(model, tokenizer, talks, max_new_tokens=24)
    often = [r for r in replies if r.talk.subject.times >= 64]
    rarely = [r for r in replies if 0 < r.talk.subject.times < 64]
    never = [r for r in replies if not r.talk.answerable]
    gold = Gold()
    return {
        "formed": round(1 - share(replies, "odd"), 3),
        "right, often told": share(often, "right"),
        "unknown, often told": share(often, "unknown"),
        "right, rarely told": share(rarely, "right"),
        "wrong, rarely told": share(rarely, "wrong"),
        "unknown, never told": share(never, "unknown"),
        "gold": round(sum(gold(r.talk, r.text) for r in replies) / len(replies), 3),
    }


def completed(model: GPT, tokenizer: Tokenizer, town: Town) -> float:
    """Sentences about subjects often told of, completed rightly."""
    names = {subject.name for subject in town.test}
    clozes = [c for c in write_clozes(town.world) if c.subject.name in names]
    answers = quiz(model, tokenizer, clozes)
    both = [accuracy(answers, rules=False, times=n) for n in (64, 256)]
    return round(sum(both) / 2, 3)


@click.command()
@click.argument("directory", type=Path)
def main(directory: Path) -> None:
    """Print the record as JSON."""
    town, found = build_town(0), {}
    reference = insidegpt.load_model(directory / "sft")
    drawn = questions(town, town.test, count=1500, seed=3)
    for stage in STAGES:
        place = directory / stage
        model, tokenizer = insidegpt.load_model(place), insidegpt.load_tokenizer(place)
        stands = assess(model, reference, tokenizer, drawn)
        found[stage] = {
            "completed": completed(model, tokenizer, town),
            "greedy": greedy(model, tokenizer, town),
            "drawn": {"gold": round(stands.gold, 3), "kl": round(stands.kl, 3)},
        }
        print(stage, found[stage], file=sys.stderr, flush=True)
    record = {"command": "python benchmarks/own_chat.py chat", "stages": found}
    json.dump(record, sys.stdout, separators=(",", ":"))


if __name__ == "__main__":
    main()
