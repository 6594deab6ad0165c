"""What a model knows of a closed world: sentences to complete, and how well it does.

A sentence about a fact is cut off before its value, and each value that the relation
can have is scored as its ending; aisle 2 without the part of it that goes on to be
aisle 24. A guess is right once in as many times as there are values. Page:
code/pretraining.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from insidegpt.measure.likelihood import ending_logprobs
from insidegpt.model.gpt import GPT
from insidegpt.text.interface import Tokenizer
from insidegpt.text.world.documents import Cloze
from insidegpt.text.world.facts import RULES


class Answer(NamedTuple):
    """How probable a model finds each value, these alone considered."""

    cloze: Cloze
    probabilities: list[float]  # of the cloze's choices; they sum to 1

    @property
    def right(self) -> bool:
        """Whether the true value is the likeliest."""
        return max(self.probabilities) == self.probabilities[self.cloze.truth]

    @property
    def bits(self) -> float:
        """What the model knows of the fact: bits saved against a blind guess.

        Below zero where it is surer of something else than a guess would be.
        """
        p = self.probabilities[self.cloze.truth]
        return math.log2(len(self.cloze.choices) * max(p, 1e-30))


def quiz(model: GPT, tokenizer: Tokenizer, clozes: Sequence[Cloze]) -> list[Answer]:
    """An answer to each."""
    prompts, endings = [], []
    for cloze in clozes:
        prompt = tokenizer.encode(cloze.prompt)
        prompts += [prompt] * len(cloze.choices)
        endings += [tokenizer.encode(choice) for choice in cloze.choices]
    counts = [len(cloze.choices) for cloze in clozes]
    scores = ending_logprobs(model, prompts, endings).cpu().split(counts)
    shares, done = [], 0
    for score in scores:
        apart = _apart(score, endings[done : done + len(score)])
        shares.append(apart.softmax(-1).tolist())
        done += len(score)
    return [Answer(c, p) for c, p in zip(clozes, shares, strict=True)]


def _apart(
    scores: Float[Tensor, " N"], endings: Sequence[Sequence[int]]
) -> Float[Tensor, " N"]:
    """Log-probabilities of endings, each without what belongs to a longer one.

    With the tokens " 2" and "4", that of " 2" has all of " 24" in it.
    """
    apart = scores.clone()
    for n in sorted(range(len(endings)), key=lambda n: -len(endings[n])):
        begin = list(endings[n])
        longer = [
            other
            for other, ids in enumerate(endings)
            if len(ids) > len(begin) and list(ids[: len(begin)]) == begin
        ]
        if longer:
            gone = (apart[longer].logsumexp(0) - scores[n]).exp()
            apart[n] = scores[n] + (1 - gone.clamp(max=1 - 1e-6)).log()
    return apart


def accuracy(answers: Iterable[Answer], *, rules: bool, times: int) -> float:
    """Share of right ones, of facts told so often: of rules, or of chance."""
    mine = [
        answer.right
        for answer in answers
        if answer.cloze.subject.times == times and _is_rule(answer) == rules
    ]
    return sum(mine) / len(mine) if mine else math.nan


def known_bits(answers: Iterable[Answer]) -> float:
    """Bits that a model holds of all facts that were told, those of rules left out."""
    told = (a for a in answers if a.cloze.subject.times and not _is_rule(a))
    return sum(answer.bits for answer in told)


def _is_rule(answer: Answer) -> bool:
    return answer.cloze.relation in RULES
