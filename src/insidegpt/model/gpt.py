"""The whole model: embed, L blocks that each add to the residual stream, unembed.

GPT-2 (Radford et al. 2019) and Llama (Touvron et al. 2023) in one, told apart by
``GPTConfig``. Forward only: losses and loops are elsewhere. Page:
algorithm/the-whole-model.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from insidegpt.model.attention import Attention, Context, causal_mask
from insidegpt.model.cache import KVCache
from insidegpt.model.config import GPTConfig
from insidegpt.model.layers import make_mlp, make_norm
from insidegpt.model.rope import rope_angles


class Block(nn.Module):
    """Attention moves information between positions, the MLP works within each."""

    def __init__(self, config: GPTConfig, *, layer: int = 0) -> None:
        super().__init__()
        self.norm1 = make_norm(config)
        self.attention = Attention(config, layer=layer)
        self.norm2 = make_norm(config)
        self.mlp = make_mlp(config)

    def forward(
        self, x: Float[Tensor, "B T C"], context: Context
    ) -> Float[Tensor, "B T C"]:
        x = x + self.attention(self.norm1(x), context)
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """Token ids in, a score for every possible next token out, at every position."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.vocab_size, config.d_model)
        if config.rope_base is None:
            self.position = nn.Embedding(config.context_tokens, config.d_model)
        self.blocks = nn.ModuleList(
            Block(config, layer=layer) for layer in range(config.n_layers)
        )
        self.norm = make_norm(config)
        if not config.tied:
            self.unembed = nn.Linear(config.d_model, config.vocab_size, bias=False)

    @property
    def dtype(self) -> torch.dtype:
        """Of parameters, activations and the cache."""
        return self.embed.weight.dtype

    @property
    def device(self) -> torch.device:
        """Where parameters are, and ids and the cache must be."""
        return self.embed.weight.device

    def forward(
        self,
        ids: Int[Tensor, "B T"],
        *,
        cache: KVCache | None = None,
        valid: Bool[Tensor, "B S"] | None = None,
    ) -> Float[Tensor, "B T V"]:
        """Logits of the next token at every position.

        cache: holds the tokens before ``ids`` and takes these too.
        valid: False where a position of the whole sequence, cached tokens included,
        is padding; needed for sequences of unequal length, padded on the left.
        """
        return self.logits(self.hidden(ids, cache=cache, valid=valid))

    def hidden(
        self,
        ids: Int[Tensor, "B T"],
        *,
        cache: KVCache | None = None,
        valid: Bool[Tensor, "B S"] | None = None,
    ) -> Float[Tensor, "B T C"]:
        """The residual stream after the last block; arguments as in ``forward``."""
        past = 0 if cache is None else cache.tokens
        self.check(ids, past)
        positions, mask = place(ids.shape[1], past, valid, device=ids.device)
        x, rope = self.start(ids, positions)
        for block in self.blocks:
            x = block(x, Context(mask, rope, cache))
        if cache is not None:
            cache.advance(ids.shape[1])
        return x

    def start(
        self, ids: Int[Tensor, "B T"], positions: Int[Tensor, "#B T"]
    ) -> tuple[Float[Tensor, "B T C"], tuple[Tensor, Tensor] | None]:
        """The residual stream before the first block, and the rotary angles if any."""
        x = self.embed(ids)
        base = self.config.rope_base
        if base is None:
            return x + self.position(positions), None
        return x, rope_angles(positions, self.config.d_head, base=base, dtype=x.dtype)

    def logits(self, x: Float[Tensor, "*any C"]) -> Float[Tensor, "*any V"]:
        """Final norm, then the unembedding: one dot product per vocabulary entry."""
        unembed = self.embed if self.config.tied else self.unembed
        return F.linear(self.norm(x), unembed.weight)

    def check(self, ids: Int[Tensor, "B T"], past: int = 0) -> None:
        """Raise ValueError for an empty or too long sequence or an unknown id."""
        check_ids(self.config, ids, past)


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


def place(
    tokens: int,
    past: int,
    valid: Bool[Tensor, "B S"] | None,
    *,
    device: torch.device | str = "cpu",
) -> tuple[Int[Tensor, "#B T"], Bool[Tensor, "#B 1 T S"] | None]:
    """Positions of ``tokens`` new tokens after ``past`` ones, and what each may see.

    Padding counts for no position. A padding token sees itself, so that no row of the
    softmax is empty; nobody else sees it.
    """
    total = past + tokens
    if valid is None:
        positions = torch.arange(past, total, device=device)[None]  # (1, T)
        if tokens == 1:
            return positions, None
        return positions, causal_mask(tokens, total).to(device)[None, None]
    if valid.shape[1] != total:
        raise ValueError(
            f"valid must cover all {total} positions, cached ones included, not "
            f"{valid.shape[1]}."
        )
    positions = (valid.cumsum(1) - 1).clamp(min=0)[:, past:]  # (B, T)
    mask = causal_mask(tokens, total).to(device) & valid[:, None, None]
    itself = torch.eye(total, dtype=torch.bool, device=device)[past:]
    return positions, mask | itself  # (B, 1, T, S)
