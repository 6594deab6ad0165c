"""What customers ask, in their words, and how a program can tell a right answer.

Written for this; those of the parts are different questions, and a passage of the
handbook that is asked about in one is asked about something else in another. Orders and
products are those of the world with seed 0. Page: applications/customer-service.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

PARTS = ("train", "dev", "test")
KINDS = ("policy", "order", "product", "person", "action")
FILES = Path(__file__).parent / "shop"
# What hands a customer over, in a model's own words or in ours.
HANDED_OVER = r"colleague|employee|speak to (a|some)|contact (us|the|our)|don't know"


class Question(NamedTuple):
    """A customer's question, and what is known about its answer."""

    kind: str  # one of KINDS; "person": nothing in handbook or records answers it
    about: str  # a passage of the handbook, or an aspect of an order or a product
    text: str
    accepted: str = ""  # a pattern that is found in every right answer
    wrong: str = ""  # a pattern that is found in none, such as a yes that means no
    answer: str = ""  # of the part to learn from
    number: int | None = None  # of the order
    name: str | None = None  # of the product
    customer: str | None = None  # who asks, where it matters


def handbook() -> str:
    """The shop's rules: sixty passages, each below a line with its id."""
    return (FILES / "handbook.md").read_text("utf-8")


@cache
def questions(part: str) -> tuple[Question, ...]:
    """The questions to learn from, to choose by, or to be measured on.

    Raises ValueError for a part that is none of PARTS.
    """
    if part not in PARTS:
        raise ValueError(f"part must be one of {', '.join(PARTS)}, not {part!r}.")
    rows = json.loads((FILES / "questions.json").read_text("utf-8"))[part]
    return tuple(Question(**row) for row in rows)


def is_right(question: Question, answer: str) -> bool:
    """Whether an answer says what a right one says; passing on, where that is right."""
    pattern = HANDED_OVER if question.kind == "person" else question.accepted
    if question.wrong and re.search(question.wrong, answer, re.IGNORECASE):
        return False
    return re.search(pattern, answer, re.IGNORECASE) is not None
