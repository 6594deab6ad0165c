"""The model with its blocks in C++, compiled for the machine at hand.

``kernels.cpp`` beside this file says how it computes; here it is given its weights and
put in a ``GPT``'s place. A row comes out the same to the bit, alone or in a batch, in a
prompt or after it, on one thread or many. Page: code/fast-inference.
"""

import ctypes
from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from insidegpt.fast.compile import Blocks, Layer, library
from insidegpt.fast.cpp_cache import CppCache, padding
from insidegpt.fast.fuse import check_family, fuse
from insidegpt.fast.tiles import Tiles, pack_tiles, rows_of
from insidegpt.model.cache import Cache
from insidegpt.model.gpt import GPT
from insidegpt.model.interface import check_ids
from insidegpt.model.rope import rope_angles
from insidegpt.model.weights import Weights


def multiply(
    x: Float[Tensor, "rows K"],
    w: Tiles,
    norm: Float[Tensor, " K"] | None = None,
    *,
    eps: float = 0.0,
) -> Float[Tensor, "rows N"]:
    """x Wᵀ, with x rounded to two bytes in groups of 32, after RMSNorm if asked."""
    x, (N, K) = x.float().contiguous(), w.shape
    if x.shape[1] != K:
        raise ValueError(f"Rows of {x.shape[1]} do not fit a matrix of {N} x {K}.")
    if norm is not None:
        norm = norm.float().contiguous()
        if norm.shape != (K,):
            raise ValueError(
                f"A norm of {len(norm)} weights is not one for rows of {K}."
            )
    y = torch.empty(len(x), N)
    scale = None if norm is None else norm.data_ptr()
    matrix = w.bits, w.data.data_ptr(), N, K
    library().multiply(*matrix, scale, eps, len(x), x.data_ptr(), y.data_ptr())
    return y


class CppEngine:
    """A model of the Llama family in tiles of 4 or 8 bits; the embedding has 8.

    Raises ValueError for a model that can't be cut into tiles, RuntimeError without a
    compiler.
    """

    device = torch.device("cpu")
    max_rows = 256  # of a step

    def __init__(self, model: GPT | Weights, *, bits: int = 4) -> None:
        c = self.config = model.config
        self.bits = bits
        check_family(c)
        if model.device.type != "cpu":
            raise ValueError(
                f"The C++ runs on the CPU; the model is on {model.device}."
            )
        if c.d_head % 16:
            raise ValueError(f"Heads must be a multiple of 16 wide, not {c.d_head}.")
        self.run_blocks = library().run_blocks
        self.check = partial(check_ids, c)
        w = model.state_dict()
        self.embedding = self.unembedding = pack_tiles(w["embed.weight"], bits=8)
        if not c.tied:
            self.unembedding = pack_tiles(w["unembed.weight"], bits=8)
        self.norm = w["norm.weight"].detach().to(torch.float32, copy=True)
        self.parts: list[Tensor] = []  # all that the structures below point to
        positions = torch.arange(c.context_tokens)[None]
        settings = {"base": c.rope_base, "factors": c.rope_factors}
        angles = rope_angles(positions, c.d_head, dtype=torch.float32, **settings)
        layers = [self.layer(w, n) for n in range(c.n_layers)]
        self.blocks = Blocks(
            *(c.n_layers, c.d_model, c.n_heads, c.n_kv_heads, c.d_head, c.d_ff, bits),
            *(c.rms_eps, *map(self.keep, angles)),
            (Layer * c.n_layers)(*layers),
        )

    def layer(self, weights: Weights | dict[str, Tensor], n: int) -> Layer:
        """Addresses of a block's parameters, matrices packed."""
        kept = {
            name: self.keep(pack_tiles(p, bits=self.bits).data)
            if p is not None and p.ndim == 2 and name != "qk_norm"
            else self.keep(p)
            for name, p in fuse(weights, self.config, layer=n)._asdict().items()
        }
        return Layer(**kept, rotary=n not in self.config.unrotated_layers)

    def keep(self, tensor: Tensor | None) -> int | None:
        """Its address, good as long as this object lives."""
        if tensor is None:
            return None
        if tensor.is_floating_point():  # a copy: the model's own may change or go
            tensor = tensor.detach().to(torch.float32, copy=True)
        self.parts.append(tensor.contiguous())
        return self.parts[-1].data_ptr()

    def new_cache(self, *, batch: int, max_tokens: int) -> CppCache:
        """An empty cache that the C++ can fill."""
        return CppCache(self.config, batch=batch, max_tokens=max_tokens)

    def hidden(
        self,
        ids: Int[Tensor, "B T"],
        *,
        cache: Cache | None = None,
        valid: Bool[Tensor, "B S"] | None = None,
    ) -> Float[Tensor, "B T C"]:
        """The residual stream after the last block; arguments as in ``GPT.hidden``.

        Padding must be on the left, where ``generate.pad_left`` puts it.
        """
        B, T = ids.shape
        cache = cache or self.new_cache(batch=B, max_tokens=T)
        first = [0] * B if valid is None else padding(valid, cache.tokens + T)
        self.check(ids, cache.tokens)
        self.check_cache(cache)
        table = [cache.row_table(T, text=b, first=first[b]) for b in range(B)]
        x = self.run(ids.flatten(), torch.cat(table))
        cache.advance(T)
        return x.view(B, T, -1)

    def step(
        self,
        ids: Int[Tensor, " rows"],
        caches: Sequence[Cache],
        counts: Sequence[int] | None = None,
    ) -> Float[Tensor, "rows V"]:
        """The next tokens of several texts; logits after each. As in ``Model``."""
        counts = list(counts or [1] * len(caches))
        for rows, cache in zip(ids.split(counts), caches, strict=True):
            self.check(rows[None], cache.tokens)
            self.check_cache(cache)
        table = [c.row_table(n) for c, n in zip(caches, counts, strict=True)]
        x = self.run(ids, torch.cat(table))
        for cache, count in zip(caches, counts, strict=True):
            cache.advance(count)
        return self.logits(x)

    def check_cache(self, cache: Cache) -> None:
        """Raise ValueError for one of another model: the C++ would write past it."""
        if not isinstance(cache, CppCache) or cache.config != self.config:
            raise ValueError("The cache must be one that this model's new_cache made.")

    def run(
        self, ids: Int[Tensor, " rows"], table: Int[Tensor, "rows 7"]
    ) -> Float[Tensor, "rows C"]:
        x = rows_of(self.embedding, ids).contiguous()
        blocks = ctypes.byref(self.blocks)
        self.run_blocks(blocks, len(x), table.data_ptr(), x.data_ptr())
        return x

    def logits(self, x: Float[Tensor, "*any C"]) -> Float[Tensor, "*any V"]:
        """Final norm and unembedding."""
        rows, eps = x.reshape(-1, x.shape[-1]), self.config.rms_eps
        y = multiply(rows, self.unembedding, self.norm, eps=eps)
        return y.view(*x.shape[:-1], -1)

    @property
    def weight_bytes(self) -> int:
        """What one token of decoding reads."""
        matrices = [part for part in self.parts if part.dtype == torch.uint8]
        return sum(part.nbytes for part in (*matrices, self.unembedding.data))
