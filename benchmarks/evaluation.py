"""One hundred questions put to SmolLM2 in many ways, and SmolLM2 as a judge.

    python benchmarks/evaluation.py choices >> runs.jsonl
    python benchmarks/evaluation.py orders >> runs.jsonl
    python benchmarks/evaluation.py judge >> runs.jsonl
    python benchmarks/evaluation.py harness >> runs.jsonl
    python benchmarks/evaluation.py gather runs.jsonl > evaluation.json

Stored as evaluation.json of show/records, and shown on code/evaluation. A few minutes
on a core. ``harness`` needs lm_eval, which ``make setup`` installs for the tests.
"""

import json
import sys
from pathlib import Path

import click
import torch

import insidegpt
from insidegpt.measure.choices import (
    WAYS,
    Scored,
    general_knowledge,
    has_only,
    is_exactly,
    letter_of,
    score_options,
    turn_options,
    written_answers,
)
from insidegpt.measure.judge import PROMPT, Pair, Verdict, judge

NEW_TOKENS = 24
TURNS = {"letters": range(4), "letters, chat": range(4)}  # others are asked once
GENERATED = ("question, answer", "chat", "letters, chat")
PADDING = (
    "Thank you for this interesting question. It deserves a careful answer, and there "
    "are several things that one should bear in mind here. All in all, one can say the "
    "following: {answer}. I hope that this helps, and please do ask if anything is "
    "still unclear."
)
PROMPTS = {
    "plain": PROMPT,
    "with a warning": PROMPT.replace(
        "Say A or B.",
        "Do not be influenced by the order of the answers or by their length. "
        "Say A or B.",
    ),
}


def say(line: dict) -> None:
    print(json.dumps(line), flush=True)
    print({k: v for k, v in line.items() if len(str(v)) < 60}, file=sys.stderr)


@click.group()
def main() -> None:
    """Measurements, a line of JSON each, and ``gather`` for the record of them."""


@main.command()
def choices() -> None:
    """Every way of asking, scored and written."""
    model, tokenizer = insidegpt.load_model(), insidegpt.load_tokenizer()
    items = general_knowledge()
    for name, way in WAYS.items():
        for by in TURNS.get(name, [0]):
            asked = [turn_options(item, by) for item in items]
            say(
                {"way": name, "turned": by}
                | picks(score_options(model, tokenizer, asked, way))
            )
    for name in GENERATED:
        texts = written_answers(
            model, tokenizer, items, WAYS[name], max_new_tokens=NEW_TOKENS
        )  # fmt: skip
        pairs = list(zip(items, texts, strict=True))
        marks = {
            "exact": [is_exactly(item, text) for item, text in pairs],
            "first line": [
                is_exactly(item, text.strip().split("\n")[0]) for item, text in pairs
            ],
            "only": [has_only(item, text) for item, text in pairs],
            "letter": [letter_of(text) == item.answer for item, text in pairs],
            "some letter": [letter_of(text) is not None for _, text in pairs],
        }
        found = {key: "".join("01"[bit] for bit in bits) for key, bits in marks.items()}
        say({"written": name, "texts": texts[:6]} | found)


def picks(found: list[Scored]) -> dict:
    """What was chosen by each measure, and how sure the model was of it."""
    per = ("option", "token", "byte")
    chosen = {p: "".join(str(s.pick(p)) for s in found) for p in per}
    if all(len(set(s.tokens)) == 1 for s in found):
        del chosen["token"], chosen["byte"]  # letters: no sizes to divide by
    answers = "".join(str(s.item.answer) for s in found)
    sure = [round(s.sure, 3) for s in found]
    return {"answers": answers, "picks": chosen, "sure": sure}


@main.command()
def orders() -> None:
    """The letters again, after what they get for their own sake has been taken off."""
    model, tokenizer = insidegpt.load_model(), insidegpt.load_tokenizer()
    items, way = general_knowledge(), WAYS["letters"]
    every = []  # for each order, the options' log-probabilities in the first order
    for by in TURNS["letters"]:
        found = score_options(
            model, tokenizer, [turn_options(item, by) for item in items], way
        )
        rows = torch.tensor([s.logprobs for s in found])  # (questions, letters)
        if not by:
            level = rows - rows.mean(0)  # each letter as likely as the others
        every.append(rows.roll(-by, dims=1))
    chosen = {"levelled": level, "averaged": torch.stack(every).mean(0)}
    answers = torch.tensor([item.answer for item in items])
    for name, rows in chosen.items():
        right = (rows.argmax(1) == answers).int().tolist()
        counts = rows.argmax(1).bincount(minlength=4).tolist()
        say({"orders": name, "right": "".join(map(str, right)), "counts": counts})


@main.command("judge")
def judge_pairs() -> None:
    """Pairs in which one answer is right; then one of them longer by empty words."""
    model, tokenizer = insidegpt.load_model(), insidegpt.load_tokenizer()
    items = general_knowledge()
    right = [item.options[item.answer] for item in items]
    wrong = [item.options[item.answer - 1] for item in items]
    long_right, long_wrong = (
        [PADDING.format(answer=a) for a in side] for side in (right, wrong)
    )
    sides = {
        "right, wrong": (right, wrong),
        "right, right and long": (right, long_right),
        "right, wrong and long": (right, long_wrong),
        "right and long, wrong": (long_right, wrong),
    }
    for name, prompt in PROMPTS.items():
        for what, (first, second) in sides.items():
            if name != "plain" and what == "right and long, wrong":
                continue
            pairs = [
                Pair(item.question, a, b)
                for item, a, b in zip(items, first, second, strict=True)
            ]
            found = judge(model, tokenizer, pairs, prompt=prompt)
            say({"prompt": name, "pairs": what} | told(found))


def told(found: list[Verdict]) -> dict:
    return {
        side: [round(getattr(v, side), 2) for v in found] for side in ("as_a", "as_b")
    }


@main.command()
def harness() -> None:
    """The same questions by lm_eval, on SmolLM2."""
    from lm_eval import simple_evaluate

    from insidegpt.measure.harness import for_harness, general_task

    model = for_harness(insidegpt.load_model(), insidegpt.load_tokenizer())
    found = simple_evaluate(model, tasks=[general_task()], bootstrap_iters=0)
    scores = found["results"]["general"]
    kept = {k: round(v, 4) for k, v in scores.items() if isinstance(v, float)}
    say({"harness": kept, "version": found["lm_eval_version"]})


@main.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
def gather(files: tuple[Path, ...]) -> None:
    """One record of all lines."""
    lines = [json.loads(t) for file in files for t in file.read_text().splitlines()]
    kinds = {
        "scored": "way",
        "written": "written",
        "orders": "orders",
        "judged": "pairs",
        "harness": "harness",
    }
    record = {
        "command": "python benchmarks/evaluation.py (choices, orders, judge, harness)"
    }
    record |= {name: [r for r in lines if key in r] for name, key in kinds.items()}
    json.dump(record, sys.stdout, separators=(",", ":"))


if __name__ == "__main__":
    main()
