"""Keys and values of tokens already read, so that they are computed once.

One tensor for all layers, allocated once; appending writes in place and hands back
views. Page: algorithm/generating-text.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from insidegpt.model.config import GPTConfig


def kv_bytes_per_token(config: GPTConfig, *, dtype: torch.dtype = torch.float32) -> int:
    """Memory that one token of one sequence takes in the cache."""
    return 2 * config.n_layers * config.n_kv_heads * config.d_head * dtype.itemsize


class Cache:
    """Counts the tokens that a cache holds; how it holds them is up to the model."""

    def __init__(self, *, max_tokens: int) -> None:
        self.max_tokens = max_tokens
        self.tokens = 0

    def end(self, tokens: int) -> int:
        """Where ``tokens`` more would end. ValueError if there is no room for them."""
        end = self.tokens + tokens
        if end > self.max_tokens:
            raise ValueError(
                f"The cache has room for {self.max_tokens} tokens, not {end}: make it "
                "with a larger max_tokens."
            )
        return end

    def advance(self, tokens: int) -> None:
        """Count ``tokens`` as filled; called once, after the last layer appended."""
        self.tokens += tokens

    def truncate(self, tokens: int) -> None:
        """Forget everything after the first ``tokens`` tokens."""
        self.tokens = max(0, min(self.tokens, tokens))


class KVCache(Cache):
    """Room for ``max_tokens`` tokens of ``batch`` sequences; ``tokens`` are filled."""

    def __init__(
        self,
        config: GPTConfig,
        *,
        batch: int,
        max_tokens: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(max_tokens=max_tokens)
        heads, D = config.n_kv_heads, config.d_head
        shape = (config.n_layers, batch, heads, max_tokens, D)
        self.keys = torch.empty(shape, dtype=dtype, device=device).unbind()
        self.values = torch.empty(shape, dtype=dtype, device=device).unbind()

    def append(
        self,
        layer: int,
        k: Float[Tensor, "B K T D"],
        v: Float[Tensor, "B K T D"],
    ) -> tuple[Float[Tensor, "B K S D"], Float[Tensor, "B K S D"]]:
        """Store one layer's new keys and values; return all of them so far."""
        end = self.end(k.shape[2])
        keys, values = self.keys[layer], self.values[layer]  # (B, K, max_tokens, D)
        keys.narrow(2, self.tokens, k.shape[2]).copy_(k)
        values.narrow(2, self.tokens, k.shape[2]).copy_(v)
        return keys.narrow(2, 0, end), values.narrow(2, 0, end)
