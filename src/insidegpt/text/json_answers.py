"""Questions, and answers as one line of JSON: a format that a program can check.

{"answer": "Oslo", "kind": "place"}, and nothing before or after it. The questions were
written for this; those of the three parts are about different things, and the last
part has requests of sorts that the first has not. Page: code/fine-tuning.
"""

import json
import re
from functools import cache
from typing import NamedTuple

from insidegpt.files.locate import BUNDLED
from insidegpt.text.chat import Message

KINDS = ("person", "place", "number", "date", "thing", "yes or no", "text")
PARTS = ("train", "valid", "test")


class Reply(NamedTuple):
    """What a line of JSON says."""

    answer: str
    kind: str  # one of KINDS


class Question(NamedTuple):
    """A question and what is known about its answer."""

    kind: str  # one of KINDS, or "other": no question of fact
    text: str
    answer: str = ""  # as it should be given; nothing where anything might be
    accepted: str = ""  # a pattern that is found in every right answer


def write_reply(reply: Reply) -> str:
    """The line that is to be learned."""
    return json.dumps(reply._asdict(), ensure_ascii=False)


def read_reply(text: str) -> Reply | None:
    """The two values of such a line; None for any other text.

    Both keys in their order and no third, a known kind, an answer that isn't empty,
    and not a character before or after the braces.
    """
    if not (text.startswith("{") and text.endswith("}")) or "\n" in text:
        return None
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):
        return None
    names, values = [p[0] for p in pairs], [p[1] for p in pairs]
    if names != ["answer", "kind"] or not all(isinstance(v, str) for v in values):
        return None
    answer, kind = values
    return Reply(answer, kind) if answer.strip() and kind in KINDS else None


def is_right(question: Question, answer: str) -> bool:
    """Whether an answer has the words that a right one has."""
    pattern = rf"\b({question.accepted})\b"
    return bool(question.accepted and re.search(pattern, answer, re.IGNORECASE))


@cache
def questions(part: str) -> tuple[Question, ...]:
    """The questions to learn from, to choose by, or to be measured on.

    Raises ValueError for a part that is none of PARTS.
    """
    if part not in PARTS:
        raise ValueError(f"part must be one of {', '.join(PARTS)}, not {part!r}.")
    file = BUNDLED / "lora-json" / "questions.json"
    return tuple(Question(*row) for row in json.loads(file.read_text("utf-8"))[part])


def dialogues(part: str) -> list[list[Message]]:
    """Every question of a part that has an answer, and the line that answers it."""
    return [
        [
            {"role": "user", "content": question.text},
            {
                "role": "assistant",
                "content": write_reply(Reply(question.answer, question.kind)),
            },
        ]
        for question in questions(part)
        if question.answer
    ]
