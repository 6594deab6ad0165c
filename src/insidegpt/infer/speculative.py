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
from jaxtyping import Float, Int
from torch import Tensor

from insidegpt.infer.generate import Model, Stepper, check_room, new_cache, read
from insidegpt.infer.sampling import check_settings, distribution, draw
from insidegpt.model.cache import KVCache

Chances = Callable[[Float[Tensor, "k V"]], Float[Tensor, "k V"]]  # of given logits
Guess = tuple[list[int], Float[Tensor, "k V"] | None]


@runtime_checkable
class Draft(Protocol):
    """Whoever guesses how a text goes on."""

    def guess(
        self,
        text: Sequence[int],
        tokens: int,
        chances: Chances,
        generator: torch.Generator | None,
    ) -> Guess:
        """At most ``tokens`` ids that may follow, and the probabilities that each was
        drawn from; None for these if nothing was drawn. No ids is a guess, too."""


class PromptLookup:
    """Find the last two to four tokens earlier in the text: it may go on as there.

    Summaries, corrections and code repeat much of what they were given. Three guesses
    suit packed weights, whose kernels take rows by fours; dense ones pay for more.
    """

    def __init__(self, *, tokens: int = 3, longest: int = 4) -> None:
        self.tokens, self.longest = tokens, longest

    def guess(
        self,
        text: Sequence[int],
        tokens: int,
        chances: Chances,
        generator: torch.Generator | None,
    ) -> Guess:
        text, tokens = list(text), min(tokens, self.tokens)
        for n in range(min(self.longest, len(text) - 1), 1, -1):
            end = text[-n:]
            for at in range(len(text) - n - 1, -1, -1):  # the latest one first
                if text[at] == end[0] and text[at : at + n] == end:
                    return text[at + n : at + n + tokens], None
        return [], None


class DraftModel:
    """A smaller model with the same vocabulary, which draws its guesses."""

    def __init__(self, model: Model, *, tokens: int = 4) -> None:
        self.model, self.tokens = model, tokens
        self.text: list[int] = []  # what the cache holds
        self.cache: KVCache | None = None

    def guess(
        self,
        text: Sequence[int],
        tokens: int,
        chances: Chances,
        generator: torch.Generator | None,
    ) -> Guess:
        text, drawn = list(text), []
        room = self.model.config.context_tokens + 1 - len(text)  # the smaller one's
        for _ in range(min(tokens, self.tokens, room)):
            p = chances(self.logits(text))
            drawn.append(p)
            text.append(int(draw(p, generator)))
        guesses = text[len(text) - len(drawn) :]
        return guesses, torch.cat(drawn) if drawn else None

    def logits(self, text: list[int]) -> Float[Tensor, "1 V"]:
        """Read what is new since the last call, having dropped what was refused."""
        if self.cache is None:
            room = self.model.config.context_tokens
            self.cache = new_cache(self.model, batch=1, max_tokens=room)
        pairs = zip(self.text, text[:-1], strict=False)
        same = next((n for n, (a, b) in enumerate(pairs) if a != b), None)
        if same is None:
            same = min(len(self.text), len(text) - 1)
        self.cache.truncate(same)
        logits = read(self.model, torch.tensor([text[same:]]), self.cache)
        self.text = list(text)
        return logits


def speculate(
    model: Model,
    ids: Sequence[int],
    *,
    draft: Draft,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    stop_ids: Iterable[int] = (),
    seed: int | None = None,
) -> Iterator[list[int]]:
    """Like ``generate``, but yields all tokens of a round: the guesses that were
    accepted, and one token of the model's own."""
    text = list(ids)
    model.check(torch.tensor([text], dtype=torch.long))
    check_room(model, len(text), max_new_tokens)
    check_settings(temperature, top_k, top_p, min_p)
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    chances = partial(
        distribution, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p
    )
    new = _rounds(model, text, draft, max_new_tokens, chances, generator)
    return _until(new, frozenset(stop_ids))


def _rounds(
    model: Model,
    text: list[int],
    draft: Draft,
    max_new_tokens: int,
    chances: Chances,
    generator: torch.Generator | None,
) -> Iterator[list[int]]:
    end = len(text) + max_new_tokens
    cache = new_cache(model, batch=1, max_tokens=end)
    with torch.inference_mode():
        logits = read(model, torch.tensor([text]), cache)
        new = draw(chances(logits), generator).tolist()
    while True:
        text = text + new
        yield new
        if len(text) == end:
            return
        with torch.inference_mode():
            most = end - len(text) - 1
            guesses, q = draft.guess(text, most, chances, generator)
            unread = torch.tensor([text[-1], *guesses])
            p = chances(check_all(model, unread, cache))
            new = accept(p, guesses, q, generator)
        cache.truncate(len(text) + len(new) - 1)  # the last token is not read yet


def _until(
    rounds: Iterator[list[int]], stop_ids: frozenset[int]
) -> Iterator[list[int]]:
    for tokens in rounds:
        end = next((n for n, token in enumerate(tokens) if token in stop_ids), None)
        if tokens[:end]:
            yield tokens[:end]
        if end is not None:
            return


def check_all(
    model: Model, ids: Int[Tensor, " T"], cache: KVCache
) -> Float[Tensor, "T V"]:
    """Logits after each of several tokens, from one reading of the weights."""
    if isinstance(model, Stepper):
        return model.step(ids, [cache], [len(ids)])
    return model.logits(model.hidden(ids[None], cache=cache))[0]


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
        if not rest.any():  # p and q differ by rounding only
            rest = p[n]
        return [*guesses[:n], int(draw(rest[None], generator))]
    return [*guesses, int(draw(p[-1:], generator))]
