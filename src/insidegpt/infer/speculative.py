"""Guess several tokens, let the model check them all in one reading.

Speculative sampling (Leviathan et al. 2023, algorithm 1; Chen et al. 2023): whoever
guesses, the text is distributed exactly as if the model had written it alone. Guesses
come from a smaller model or, for nothing, from the text itself (prompt lookup, Saxena
2023). Page: code/fast-inference.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from insidegpt.infer.generate import check_room, prefill, until
from insidegpt.infer.sampling import Sampling, probabilities, sample
from insidegpt.model.cache import Cache
from insidegpt.model.interface import Model

ToProbs = Callable[[Float[Tensor, "k V"]], Float[Tensor, "k V"]]  # of given logits
PLAIN = Sampling()
Drafted = tuple[list[int], Float[Tensor, "k V"] | None]


@runtime_checkable
class Draft(Protocol):
    """Whoever guesses how a text goes on."""

    vocab_size: int | None  # None: whatever the model's is

    def draft(
        self,
        ids: Sequence[int],
        tokens: int,
        to_probs: ToProbs,
        generator: torch.Generator | None,
    ) -> Drafted:
        """At most ``tokens`` ids that may follow, and the probabilities that each was
        drawn from; None for these if nothing was drawn. No ids is a guess, too."""


class PromptLookup:
    """Find the last two to four tokens earlier in the text: it may go on as there.

    Summaries, corrections and code repeat much of what they were given. Three guesses
    suit packed weights, whose kernels take rows by fours; dense ones pay for more.
    """

    vocab_size = None

    def __init__(self, *, tokens: int = 3, longest: int = 4) -> None:
        self.tokens, self.longest = tokens, longest

    def draft(
        self,
        ids: Sequence[int],
        tokens: int,
        to_probs: ToProbs,
        generator: torch.Generator | None,
    ) -> Drafted:
        ids, tokens = list(ids), min(tokens, self.tokens)
        for n in range(min(self.longest, len(ids) - 1), 1, -1):
            end = ids[-n:]
            for at in range(len(ids) - n - 1, -1, -1):  # the latest one first
                if ids[at] == end[0] and ids[at : at + n] == end:
                    return ids[at + n : at + n + tokens], None
        return [], None


class DraftModel:
    """A smaller model with the same vocabulary, which draws its guesses."""

    def __init__(self, model: Model, *, tokens: int = 4) -> None:
        self.model, self.tokens = model, tokens
        self.vocab_size = model.config.vocab_size
        self.ids: list[int] = []  # what the cache holds
        self.cache: Cache | None = None

    def draft(
        self,
        ids: Sequence[int],
        tokens: int,
        to_probs: ToProbs,
        generator: torch.Generator | None,
    ) -> Drafted:
        ids, drawn = list(ids), []
        room = self.model.config.context_tokens + 1 - len(ids)  # the smaller one's
        for _ in range(min(tokens, self.tokens, room)):
            p = to_probs(self.logits(ids))
            drawn.append(p)
            ids.append(int(sample(p, generator)))
        guesses = ids[len(ids) - len(drawn) :]
        return guesses, torch.cat(drawn) if drawn else None

    def logits(self, ids: list[int]) -> Float[Tensor, "1 V"]:
        """Read what is new since the last call, having dropped what was refused."""
        if self.cache is None:
            room = self.model.config.context_tokens
            self.cache = self.model.new_cache(batch=1, max_tokens=room)
        pairs = zip(self.ids, ids[:-1], strict=False)
        same = next((n for n, (a, b) in enumerate(pairs) if a != b), None)
        if same is None:
            same = min(len(self.ids), len(ids) - 1)
        self.cache.truncate(same)
        new = torch.tensor([ids[same:]], device=self.model.device)
        logits = prefill(self.model, new, self.cache)
        self.ids = list(ids)
        return logits


def speculate(
    model: Model,
    ids: Sequence[int],
    *,
    draft: Draft,
    max_new_tokens: int,
    sampling: Sampling = PLAIN,
    stop_ids: Iterable[int] = (),
) -> Iterator[list[int]]:
    """Like ``generate``, but yields a round's tokens: guesses and one of its own."""
    ids = list(ids)
    model.check(torch.tensor([ids], dtype=torch.long))
    check_room(model, len(ids), max_new_tokens)
    if draft.vocab_size not in (None, model.config.vocab_size):
        raise ValueError(
            f"The draft model knows {draft.vocab_size} tokens and the model "
            f"{model.config.vocab_size}: a draft must have the same vocabulary."
        )
    if sampling.repetition_penalty != 1:
        raise ValueError("A repetition penalty can't be combined with guessing ahead.")
    rounds = _rounds(model, ids, draft, max_new_tokens, sampling)
    return _until(rounds, frozenset(stop_ids))


def _rounds(
    model: Model,
    ids: list[int],
    draft: Draft,
    max_new_tokens: int,
    sampling: Sampling,
) -> Iterator[list[int]]:
    end, device = len(ids) + max_new_tokens, model.device
    to_probs = partial(probabilities, sampling=sampling)
    generator = sampling.generator()
    cache = model.new_cache(batch=1, max_tokens=end)
    with torch.inference_mode():
        logits = prefill(model, torch.tensor([ids], device=device), cache)
        new = sample(to_probs(logits), generator).tolist()
    while True:
        ids = ids + new
        yield new
        if len(ids) == end:
            return
        with torch.inference_mode():
            room = end - len(ids) - 1
            guesses, q = draft.draft(ids, room, to_probs, generator)
            unread = torch.tensor([ids[-1], *guesses], device=device)
            p = to_probs(model.step(unread, [cache], [len(unread)]))
            new = accept(p, guesses, q, generator)
        cache.truncate(len(ids) + len(new) - 1)  # the last token is not read yet


def _until(
    rounds: Iterator[list[int]], stop_ids: frozenset[int]
) -> Iterator[list[int]]:
    for tokens in rounds:
        kept = until(tokens, stop_ids)
        if kept:
            yield kept
        if len(kept) < len(tokens):
            return


def accept(
    p: Float[Tensor, "T V"],
    guesses: list[int],
    q: Float[Tensor, "k V"] | None,
    generator: torch.Generator | None = None,
) -> list[int]:
    """The guesses up to the first that is refused, and a token of the model's own.

    p: the model's probabilities before each guess and after the last (T = k + 1).
    A guess x is accepted with probability min(1, p(x) / q(x)); in place of a refused
    one a token is drawn from max(0, p - q). q None: each guess was certain.
    """
    chance = torch.rand(len(guesses), generator=generator).tolist()
    for n, token in enumerate(guesses):
        proposed = 1.0 if q is None else float(q[n, token])
        if chance[n] * proposed < float(p[n, token]):
            continue
        rest = p[n].clone()
        if q is None:
            rest[token] = 0.0
        else:
            rest = (rest - q[n]).clamp(min=0.0)
        rest = rest if rest.any() else p[n]  # p and q differ by rounding only
        return [*guesses[:n], int(sample(rest[None], generator))]
    return [*guesses, int(sample(p[-1:], generator))]
