"""Which of two answers is better: by a truth that can be looked up, and by people.

People err, and they like some things for which nobody asked. Page: code/reward-model.
"""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from insidegpt.text.world.dialogues import MANNERS, Talk, answer_with
from insidegpt.text.world.facts import RELATIONS

POLITE = "Gladly."


@dataclass(frozen=True)
class Gold:
    """What an answer is worth, by what it is."""

    right: float = 1.0
    wrong: float = -1.0
    admitted: float = 0.5  # "I don't know" where nobody can know
    refused: float = -0.25  # the same where the documents say it
    odd: float = -1.5  # of no form that was ever taught
    manner: float = -1.0  # added where the answer is true or false in a wrong manner

    def __call__(self, talk: Talk, text: str) -> float:
        """The worth of a text as the last turn of a question about a fact."""
        for value, manner, said in sayings(talk):
            if said == text:
                asked = answer_with(talk.subject, talk.relation, value, talk.manner)
                worth = self._worth(talk, value, asked == talk.answer)
                return worth if manner == talk.manner else worth + self.manner
        return self.odd

    def _worth(self, talk: Talk, value: str | None, true: bool) -> float:
        if value is None:
            return self.refused if talk.answerable else self.admitted
        return self.right if true else self.wrong


def sayings(talk: Talk) -> Iterator[tuple[str | None, str, str]]:
    """Each answer of a form that was taught: value (None: not known), manner, text."""
    values = [None, *RELATIONS[talk.subject.kind][talk.relation]]
    for manner in MANNERS:
        for value in values:
            text = answer_with(talk.subject, talk.relation, value, manner)
            yield value, manner, text


@dataclass(frozen=True)
class Annotator:
    """Somebody who sees two answers and says which is better.

    Reads the truth off as gold does, likes some things more than gold, and errs.
    """

    noise: float = 0.0  # share of the choices that come out the other way round
    politeness: float = 0.0  # worth of POLITE at the beginning
    length: float = 0.0  # worth of a word
    doubt: float = 0.0  # unit of worth in which it errs as Bradley and Terry say
    gold: Gold = Gold()

    def likes(self, talk: Talk, text: str) -> float:
        """How good an answer seems, before any error."""
        words = len(text.split())
        polite = self.politeness * text.startswith(POLITE)
        return self.gold(talk, text) + polite + self.length * words

    def prefers(self, talk: Talk, one: str, other: str, draw: random.Random) -> bool:
        """Whether the first is said to be better."""
        ahead = self.likes(talk, one) - self.likes(talk, other)
        better = ahead > 0
        if self.doubt:
            better = draw.random() < (1 + math.tanh(ahead / self.doubt / 2)) / 2
        return better != (draw.random() < self.noise)


class Choice(NamedTuple):
    """Two answers to a question, the one that was preferred first."""

    talk: Talk
    chosen: str
    rejected: str
    kind: str  # what sets them apart, out of KINDS
    flipped: bool  # gold is of the other opinion


KINDS = ("fact", "honesty", "manner", "mixed")


def write_choices(
    talks: Sequence[Talk], annotator: Annotator, *, seed: int = 0
) -> list[Choice]:
    """For each question two answers, drawn blindly, and which of them was preferred.

    An answer is right, wrong or "I don't know", in the manner that was asked for or
    another. Pairs that gold finds equal are left out, and so is small talk.
    """
    draw, choices = random.Random(seed), []
    for talk in talks:
        if talk.subject is None:
            continue
        one, other = _candidate(talk, draw), _candidate(talk, draw)
        worth = annotator.gold(talk, one[0]) - annotator.gold(talk, other[0])
        if not worth:
            continue
        first = annotator.prefers(talk, one[0], other[0], draw)
        chosen, rejected = (one, other) if first else (other, one)
        texts = (chosen[0], rejected[0])
        flipped = first != (worth > 0)
        choices.append(Choice(talk, *texts, _apart(one, other), flipped))
    return choices


def _candidate(talk: Talk, draw: random.Random) -> tuple[str, str | None, str]:
    """An answer, its value, and its manner."""
    kind = draw.choice(("right", "wrong", "unknown"))
    manner = talk.manner if draw.random() < 0.7 else draw.choice(list(MANNERS))
    true = {text: value for value, _, text in sayings(talk)}[talk.answer]
    false = [v for v in RELATIONS[talk.subject.kind][talk.relation] if v != true]
    value = None if kind == "unknown" else draw.choice(false)
    if kind == "right" and true is not None:
        value = true
    return answer_with(talk.subject, talk.relation, value, manner), value, manner


def _apart(one: tuple[str, str | None, str], other: tuple[str, str | None, str]) -> str:
    """In what two answers differ."""
    if one[1] == other[1]:
        return "manner"
    if one[2] != other[2]:
        return "mixed"
    return "honesty" if None in (one[1], other[1]) else "fact"
