"""Self-attention: every token asks, every earlier token answers.

Vaswani et al. 2017, equation 1, with a causal mask; grouped queries as in Ainslie et
al. 2023; normed queries and keys as in Dehghani et al. 2023. Functions first,
parameters after. Page: algorithm/self-attention.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from insidegpt.model.cache import KVCache
from insidegpt.model.config import GPTConfig
from insidegpt.model.layers import RMSNorm
from insidegpt.model.rope import apply_rope


def causal_mask(queries: int, keys: int) -> Bool[Tensor, "T S"]:
    """Who may look at whom: True where key s is not later than query t.

    The queries are the last ``queries`` of the ``keys``, as when the rest is cached.
    """
    everyone = torch.ones(queries, keys, dtype=torch.bool)
    return everyone.tril(diagonal=keys - queries)  # (T, S)


def attention_weights(
    q: Float[Tensor, "B H T D"],
    k: Float[Tensor, "B K S D"],
    mask: Bool[Tensor, "#B #H T S"] | Bool[Tensor, "T S"] | None = None,
) -> Float[Tensor, "B H T S"]:
    """How each query shares its attention over the keys: every row sums to 1."""
    k = k.repeat_interleave(q.shape[1] // k.shape[1], dim=1)  # (B, H, S, D)
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (B, H, T, S)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(dim=-1)


def attend_explicit(
    q: Float[Tensor, "B H T D"],
    k: Float[Tensor, "B K S D"],
    v: Float[Tensor, "B K S D"],
    mask: Bool[Tensor, "#B #H T S"] | Bool[Tensor, "T S"] | None = None,
) -> Float[Tensor, "B H T D"]:
    """Attention as the formula says it: weigh the values and add them up."""
    v = v.repeat_interleave(q.shape[1] // v.shape[1], dim=1)  # (B, H, S, D)
    return attention_weights(q, k, mask) @ v


def attend(
    q: Float[Tensor, "B H T D"],
    k: Float[Tensor, "B K S D"],
    v: Float[Tensor, "B K S D"],
    mask: Bool[Tensor, "#B #H T S"] | Bool[Tensor, "T S"] | None = None,
    *,
    causal: bool = False,
) -> Float[Tensor, "B H T D"]:
    """The same in one fused call, which never stores the T x S weights.

    causal: what ``causal_mask(T, T)`` says, without making it; half the work.
    """
    gqa = q.shape[1] != k.shape[1]
    return F.scaled_dot_product_attention(
        q, k, v, mask, is_causal=causal, enable_gqa=gqa
    )


class Context(NamedTuple):
    """What attention needs besides the residual stream; the same for all layers."""

    # None: each sees itself and what came before, as with ``causal_mask``.
    mask: Bool[Tensor, "#B #H T S"] | None = None
    rope: tuple[Tensor, Tensor] | None = None  # cosines and sines; None: not rotary
    cache: KVCache | None = None


class Attention(nn.Module):
    """The four matrices around ``attend``. ``layer`` is its place in the cache."""

    def __init__(self, config: GPTConfig, *, layer: int = 0) -> None:
        super().__init__()
        C, D = config.d_model, config.d_head
        self.d_head, self.layer = D, layer
        self.rotary = layer not in config.unrotated_layers
        bias = config.bias != "none"
        self.query = nn.Linear(C, config.n_heads * D, bias=bias)
        self.key = nn.Linear(C, config.n_kv_heads * D, bias=bias)
        self.value = nn.Linear(C, config.n_kv_heads * D, bias=bias)
        self.out = nn.Linear(config.n_heads * D, C, bias=config.bias == "all")
        self.qk_norm = config.qk_norm
        if config.qk_norm:
            self.query_norm = RMSNorm(D, eps=config.rms_eps)
            self.key_norm = RMSNorm(D, eps=config.rms_eps)

    def forward(
        self, x: Float[Tensor, "B T C"], context: Context
    ) -> Float[Tensor, "B T C"]:
        q, k, v = self.project(x, context.rope)
        if context.cache is not None:
            k, v = context.cache.append(self.layer, k, v)  # (B, K, S, D)
        causal = context.mask is None and q.shape[2] > 1
        mixed = attend(q, k, v, context.mask, causal=causal)  # (B, H, T, D)
        return self.out(mixed.transpose(1, 2).flatten(2))  # (B, T, C)

    def project(
        self, x: Float[Tensor, "B T C"], rope: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (B, H, T, D), keys and values (B, K, T, D); q and k rotated."""
        q, k, v = (
            linear(x).unflatten(-1, (-1, self.d_head)).transpose(1, 2)
            for linear in (self.query, self.key, self.value)
        )
        if self.qk_norm:
            q, k = self.query_norm(q), self.key_norm(k)
        if rope is not None and self.rotary:
            q, k = apply_rope(q, *rope), apply_rope(k, *rope)
        return q, k, v
