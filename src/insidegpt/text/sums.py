"""Two-digit sums with a token a sign, and three ways to write their answers down.

A task whose answers a line of code can check. Both orders of a pair are always in the
same split, so that 85+47 in training can't give 47+85 in the test away. Page:
code/verifiable-rewards.
"""

import random
import re
from collections.abc import Iterable
from typing import NamedTuple

SIGNS = "0123456789+=,:."  # the number of a sign is its place here
END = SIGNS.index(".")
VOCAB = 16  # one is never used
PROMPT_TOKENS = 6  # of every sum
STYLES = ("plain", "reversed", "steps")
FORMS = {
    "plain": r"\d{2,3}",
    "reversed": r"\d{2,3}",
    "steps": r"\d\+\d=\d{1,2},\d\+\d(\+1)?=\d{1,2}:\d{2,3}",
}


class Sum(NamedTuple):
    """Two numbers from 10 to 99."""

    a: int
    b: int

    @property
    def question(self) -> str:
        return f"{self.a}+{self.b}="


def to_ids(text: str) -> list[int]:
    """The number of each sign. Raises ValueError for one that is not in the task."""
    strange = sorted(set(text) - set(SIGNS))
    if strange:
        raise ValueError(f"{strange[0]!r} is none of the signs {SIGNS}.")
    return [SIGNS.index(sign) for sign in text]


def to_text(ids: Iterable[int]) -> str:
    """The signs of their numbers; a question mark for the one that is never used."""
    return "".join((SIGNS + "?")[i] for i in ids)


def written(sum_: Sum, style: str) -> str:
    """A right answer without the full stop that ends it.

    47+85 is 132 plain, 231 reversed, and in steps 7+5=12,4+8+1=13:132.
    """
    a, b = sum_
    if style == "plain":
        return str(a + b)
    if style == "reversed":
        return str(a + b)[::-1]
    if style == "steps":
        ones, tens = a % 10 + b % 10, a // 10 + b // 10
        carry = ones > 9
        more = f"{'+1' if carry else ''}={tens + carry}"
        return f"{a % 10}+{b % 10}={ones},{a // 10}+{b // 10}{more}:{a + b}"
    raise ValueError(f"A style is one of {', '.join(STYLES)}, not {style!r}.")


def is_right(sum_: Sum, text: str, style: str = "plain") -> bool:
    """Whether what comes after the last colon, or all of it, is the sum.

    The steps are not looked at.
    """
    said = text.rpartition(":")[2]
    return said == written(sum_, "reversed" if style == "reversed" else "plain")


def is_formed(text: str, *styles: str) -> bool:
    """Whether an answer has the form of one of the styles, be it right or wrong."""
    return any(re.fullmatch(FORMS[style], text) for style in styles)


class Split(NamedTuple):
    """Sums, both orders of each pair together: 4,095 pairs, shuffled by a seed."""

    taught: list[Sum]  # with their answers, for supervised training
    asked: list[Sum]  # whose answers are only checked
    valid: list[Sum]
    test: list[Sum]


def split_sums(seed: int, *, taught: int, held_out: int = 400) -> Split:
    """So many pairs to be taught, twice so many held out, and the rest to ask."""
    pairs = [(a, b) for a in range(10, 100) for b in range(a, 100)]
    if taught < 1 or taught + 2 * held_out >= len(pairs):
        raise ValueError(
            f"{taught} pairs to teach and twice {held_out} held out leave none of "
            f"{len(pairs)} to ask."
        )
    random.Random(seed).shuffle(pairs)
    ends = (taught, -2 * held_out, -held_out, None)
    parts = [pairs[a:b] for a, b in zip((0, *ends), ends, strict=False)]
    return Split(*([s for a, b in p for s in _orders(a, b)] for p in parts))


def _orders(a: int, b: int) -> list[Sum]:
    """A pair in its two orders; one where they are the same."""
    return [Sum(a, b)] if a == b else [Sum(a, b), Sum(b, a)]
