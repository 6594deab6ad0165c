"""Judge by listening: after which of several openings does a text become likeliest?

A small model is a poor writer and a fair listener. By Bayes' rule, what it expects
after an opening tells which opening fits what was said: query likelihood in retrieval
(Ponte and Croft 1998; with language models, Sachan et al. 2022), the noisy channel in
classification (Min et al. 2022). Openings are read once and kept, as keys and values.
Page: applications/customer-service.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from insidegpt.model.cache import Cache
from insidegpt.model.interface import Model
from insidegpt.text.interface import Tokenizer
from insidegpt.train.loss import token_logprobs


class Listener:
    """Scores what is said after openings that it remembers."""

    def __init__(self, model: Model, tokenizer: Tokenizer, *, longest: int = 200):
        """longest: how many tokens of what is said are heard, the first ones."""
        self.model, self.tokenizer, self.longest = model, tokenizer, longest
        self.kept: dict[str, tuple[Cache, int]] = {}  # and an opening's last token

    @torch.inference_mode()
    def listen(self, openings: Sequence[str], said: str) -> Float[Tensor, " N"]:
        """Log-probability of ``said`` after each opening.

        Raises ValueError if one of them is empty.
        """
        ids = self.tokenizer.encode(said)[: self.longest]
        if not ids or not all(openings):
            raise ValueError("An opening and what is said need one token each.")
        at_once = max(1, self.model.max_rows // len(ids))
        groups = [
            openings[start : start + at_once]
            for start in range(0, len(openings), at_once)
        ]
        return torch.cat([self._after(group, ids) for group in groups])

    def _after(self, openings: Sequence[str], ids: list[int]) -> Float[Tensor, " N"]:
        kept = [self._open(opening) for opening in openings]
        caches = [cache for cache, _ in kept]
        before = [cache.tokens for cache in caches]
        rows = torch.tensor([[last, *ids[:-1]] for _, last in kept])  # (N, T)
        logits = self.model.step(rows.flatten(), caches, [len(ids)] * len(kept))
        for cache, tokens in zip(caches, before, strict=True):
            cache.truncate(tokens)
        wanted = torch.tensor(ids).repeat(len(kept))
        return token_logprobs(logits, wanted).view(len(kept), -1).sum(1)

    def _open(self, opening: str) -> tuple[Cache, int]:
        """All of an opening but its last token, read; and that token."""
        if opening not in self.kept:
            ids = self.tokenizer.encode(opening)
            room = len(ids) + self.longest
            cache = self.model.new_cache(batch=1, max_tokens=room)
            if len(ids) > 1:
                self.model.hidden(torch.tensor([ids[:-1]]), cache=cache)
            self.kept[opening] = cache, ids[-1]
        return self.kept[opening]


@torch.inference_mode()
def weigh(
    model: Model,
    ids: Sequence[int],
    endings: Sequence[Sequence[int]],
    cache: Cache | None = None,
) -> Float[Tensor, " N"]:
    """Log-probability of each ending after ``ids``, which follow what a cache holds.

    The cache is left as it was. Raises ValueError for an empty text.
    """
    if not ids or not all(endings):
        raise ValueError("A text and its endings have one token each at least.")
    longest = len(ids) + max(map(len, endings))
    cache = cache or model.new_cache(batch=1, max_tokens=longest)
    before = cache.tokens
    *context, last = ids
    if context:
        model.hidden(torch.tensor([context]), cache=cache)
    read, scores = cache.tokens, []
    for ending in endings:
        rows = torch.tensor([last, *ending[:-1]])
        logits = model.step(rows, [cache], [len(rows)])
        scores.append(token_logprobs(logits, torch.tensor(ending)).sum())
        cache.truncate(read)
    cache.truncate(before)
    return torch.stack(scores)
