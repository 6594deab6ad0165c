"""The whole model: embed, L blocks that each add to the residual stream, unembed.

GPT-2 (Radford et al. 2019), Llama (Touvron et al. 2023) and their relatives in one,
told apart by ``GPTConfig``. Forward only: losses and loops are elsewhere. Page:
algorithm/the-whole-model.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from insidegpt.model.attention import Attention, Context, causal_mask
from insidegpt.model.cache import KVCache
from insidegpt.model.config import GPTConfig
from insidegpt.model.interface import check_ids
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

    max_rows = 256  # of a step: the texts take their turns

    def __init__(
        self, config: GPTConfig, *, generator: torch.Generator | None = None
    ) -> None:
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
        init_weights(self, generator)

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
        positions, mask = positions_and_mask(
            ids.shape[1], past, valid, device=ids.device
        )
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
        x, c = self.embed(ids), self.config
        if c.rope_base is None:
            return x + self.position(positions), None
        settings = {"base": c.rope_base, "factors": c.rope_factors}
        return x, rope_angles(positions, c.d_head, dtype=x.dtype, **settings)

    def logits(self, x: Float[Tensor, "*any C"]) -> Float[Tensor, "*any V"]:
        """Final norm, then the unembedding: one dot product per vocabulary entry."""
        unembed = self.embed if self.config.tied else self.unembed
        return F.linear(self.norm(x), unembed.weight)

    def step(
        self,
        ids: Int[Tensor, " rows"],
        caches: Sequence[KVCache],
        counts: Sequence[int] | None = None,
    ) -> Float[Tensor, "rows V"]:
        """Read the next tokens of several texts, one text after the other.

        ``counts`` of the ids belong to each, one if not given; logits after each id.
        """
        texts = ids.split(list(counts or [1] * len(caches)))
        hidden = [
            self.hidden(text[None], cache=cache)[0]
            for text, cache in zip(texts, caches, strict=True)
        ]
        return self.logits(torch.cat(hidden))

    def new_cache(self, *, batch: int, max_tokens: int) -> KVCache:
        """An empty cache that fits the model's type and place."""
        settings = {"dtype": self.dtype, "device": self.device}
        return KVCache(self.config, batch=batch, max_tokens=max_tokens, **settings)

    def check(self, ids: Int[Tensor, "B T"], past: int = 0) -> None:
        """Raise ValueError for an empty or too long sequence or an unknown id."""
        check_ids(self.config, ids, past)


def init_weights(model: GPT, generator: torch.Generator | None = None) -> None:
    """Small random matrices, norms that do nothing yet: the loss begins near ln V.

    Radford et al. 2019, section 2.3: a normal distribution of width 0.02, and what
    writes to the residual stream narrower by the square root of its 2 L summands.
    Deviation: tables get a width of 0.3 / sqrt(C), so that the logits that a table
    makes differ by about 0.3 in a model of any width, and the loss from ln V by 0.05.
    """
    c = model.config
    if model.device.type == "meta":
        return  # there is nothing to fill yet
    for name, p in model.named_parameters():
        if p.ndim == 1:
            nn.init.constant_(p, 1.0 if name.endswith("weight") else 0.0)
            continue
        width = 0.02
        if name.endswith(("attention.out.weight", "mlp.down.weight")):
            width = 0.02 / math.sqrt(2 * c.n_layers)
        elif name.startswith(("embed.", "position.", "unembed.")):
            width = 0.3 / math.sqrt(c.d_model)
        nn.init.normal_(p, std=width, generator=generator)


def positions_and_mask(
    tokens: int,
    past: int,
    valid: Bool[Tensor, "B S"] | None,
    *,
    device: torch.device | str = "cpu",
) -> tuple[Int[Tensor, "#B T"], Bool[Tensor, "#B 1 T S"] | None]:
    """Positions of ``tokens`` new tokens after ``past`` ones, and what each may see.

    The mask is None where ``Context`` needs none: for one token, and for a whole text.
    Padding counts for no position. A padding token sees itself, so that no row of the
    softmax is empty; nobody else sees it.
    """
    total = past + tokens
    if valid is None:
        positions = torch.arange(past, total, device=device)[None]  # (1, T)
        if tokens == 1 or past == 0:
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
