"""What generation needs of a model: a ``GPT``, or something faster made of one.

Page: code/fast-inference.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from insidegpt.model.cache import Cache
from insidegpt.model.config import GPTConfig


@runtime_checkable
class Model(Protocol):
    """Reads ids into a cache and scores what comes next."""

    config: GPTConfig
    max_rows: int  # texts, and tokens of all of them, that one ``step`` can take

    @property
    def device(self) -> torch.device:
        """Where the parameters are, and so ids and caches must be."""

    def new_cache(self, *, batch: int, max_tokens: int) -> Cache:
        """An empty cache of the kind that this model fills."""

    def check(self, ids: Int[Tensor, "B T"], past: int = 0) -> None:
        """Raise ValueError for ids that the model can't read."""

    def hidden(
        self,
        ids: Int[Tensor, "B T"],
        *,
        cache: Cache | None = None,
        valid: Bool[Tensor, "B S"] | None = None,
    ) -> Float[Tensor, "B T C"]:
        """The residual stream after the last block."""

    def logits(self, x: Float[Tensor, "*any C"]) -> Float[Tensor, "*any V"]:
        """Scores of the next token."""

    def step(
        self,
        ids: Int[Tensor, " rows"],
        caches: Sequence[Cache],
        counts: Sequence[int] | None = None,
    ) -> Float[Tensor, "rows V"]:
        """Read new tokens of several texts, each with its own cache; logits after each.

        ``counts`` says how many of the ids belong to each text: one, if not given.
        """


def check_ids(config: GPTConfig, ids: Int[Tensor, "B T"], past: int = 0) -> None:
    """Raise ValueError for ids that a model of this shape can't read."""
    total, limit = past + ids.shape[1], config.context_tokens
    if ids.numel() == 0:
        raise ValueError("The prompt is empty: give the model at least one token.")
    if total > limit:
        raise ValueError(
            f"The sequence has {total} tokens and the model's context holds "
            f"{limit}: shorten the prompt or ask for fewer new tokens."
        )
    least, largest = int(ids.min()), int(ids.max())
    if not 0 <= least <= largest < config.vocab_size:
        raise ValueError(
            f"Token ids must lie in 0..{config.vocab_size - 1}, but these reach from "
            f"{least} to {largest}: does the tokenizer belong to this model?"
        )
