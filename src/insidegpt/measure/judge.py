"""A model as judge: which of two answers is better?

It is asked twice, with the answers in both orders, and the verdict is not what it
writes but which of two letters it finds likelier. Zheng et al. 2023. Page:
code/evaluation.
"""

from collections.abc import Sequence
from typing import NamedTuple

from insidegpt.measure.likelihood import ending_logprobs
from insidegpt.model.gpt import GPT
from insidegpt.text.chat import encode_chat
from insidegpt.text.interface import Tokenizer

PROMPT = """Which answer to the question is better?

Question: {question}
Answer A: {a}
Answer B: {b}

Say A or B."""


class Pair(NamedTuple):
    """A question and two answers to it."""

    question: str
    first: str
    second: str


class Verdict(NamedTuple):
    """Log-odds for the pair's first answer, above 0 where it was preferred."""

    as_a: float  # while it was shown as answer A
    as_b: float

    @property
    def follows_place(self) -> bool:
        """Whether it named the same letter both times, whatever was behind it."""
        return (self.as_a > 0) != (self.as_b > 0)

    @property
    def mean(self) -> float:
        """Both orders together: what the judge adds for a place cancels."""
        return (self.as_a + self.as_b) / 2


def judge(
    model: GPT, tokenizer: Tokenizer, pairs: Sequence[Pair], *, prompt: str = PROMPT
) -> list[Verdict]:
    """A verdict on each pair, from both orders."""
    if not pairs:
        raise ValueError("There is no pair to judge.")
    prompts, endings = [], []
    letters = [tokenizer.encode(letter) for letter in "AB"]
    for pair in pairs:
        for a, b in ((pair.first, pair.second), (pair.second, pair.first)):
            text = prompt.format(question=pair.question, a=a, b=b)
            ids = encode_chat(tokenizer, [{"role": "user", "content": text}])
            prompts += [ids, ids]
            endings += letters
    found = ending_logprobs(model, prompts, endings, rows=16).view(-1, 2, 2).double()
    odds = (found[..., 0] - found[..., 1]).tolist()  # of A, in both orders
    return [Verdict(first, -swapped) for first, swapped in odds]
