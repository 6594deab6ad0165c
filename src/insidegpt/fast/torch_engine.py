"""The same model for speed: joined matrices, one flat loop, weights packed or not.

``GPT`` is written to be read, this to be run. Work is in rows, one for each token of
each text; rows meet only in attention. The tests hold it equal to ``GPT``. Page:
code/fast-inference.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from insidegpt.fast.fuse import check_family, fuse
from insidegpt.fast.quantize import MANY_ROWS
from insidegpt.fast.torch_layer import (
    Heads,
    Rows,
    duplicate,
    linear,
    mix_heads,
    nbytes,
    normalize,
    out_and_mlp,
    qkv,
    to_layer,
    to_matrix,
)
from insidegpt.model.cache import KVCache
from insidegpt.model.gpt import GPT, positions_and_mask
from insidegpt.model.interface import check_ids
from insidegpt.model.rope import rope_angles
from insidegpt.model.weights import Weights


class TorchEngine:
    """A model of the Llama family, ready to generate; it takes a ``GPT``'s place.

    bits: 8 or 4 for packed weights (the unembedding has 8); None for dense ones.
    dtype: of activations, keys and values.
    """

    max_rows = MANY_ROWS - 1  # of a step: beyond, products are dense and sum otherwise

    def __init__(
        self,
        model: GPT | Weights,
        *,
        bits: int | None = None,
        dtype: torch.dtype = torch.bfloat16,
    ) -> None:
        c = model.config
        check_family(c)
        if bits not in (None, 4, 8):
            raise ValueError(f"bits must be 8 or 4, not {bits}.")
        if bits is not None and dtype != torch.bfloat16:
            raise ValueError(f"Packed weights need bfloat16 activations, not {dtype}.")
        self.config, self.dtype, self.check = c, dtype, partial(check_ids, c)
        self.device, w = model.device, model.state_dict()
        table = w["embed.weight"]
        self.embedding = table.to(dtype)
        table = table if c.tied else w["unembed.weight"]
        self.unembedding = to_matrix(table, dtype, bits and 8)
        self.norm = duplicate(w["norm.weight"]).to(dtype)
        rotary = [n not in c.unrotated_layers for n in range(c.n_layers)]
        self.layers = [
            to_layer(fuse(w, c, layer=n), dtype, bits, rotary=rotary[n])
            for n in range(c.n_layers)
        ]
        positions = torch.arange(c.context_tokens, device=self.device)[None]
        settings = {"base": c.rope_base, "factors": c.rope_factors}
        cos, sin = rope_angles(positions, c.d_head, dtype=dtype, **settings)
        # rotate(x) = x cos + swap(x) sin, with the first half's sign in the table.
        self.cos = torch.cat((cos, cos), dim=-1)[0, 0]  # (context, D)
        self.sin = torch.cat((-sin, sin), dim=-1)[0, 0]

    def new_cache(self, *, batch: int, max_tokens: int) -> KVCache:
        """An empty cache that fits the engine's type and place."""
        settings = {"dtype": self.dtype, "device": self.device}
        return KVCache(self.config, batch=batch, max_tokens=max_tokens, **settings)

    def hidden(
        self,
        ids: Int[Tensor, "B T"],
        *,
        cache: KVCache | None = None,
        valid: Bool[Tensor, "B S"] | None = None,
    ) -> Float[Tensor, "B T C"]:
        """The residual stream after the last block; arguments as in ``GPT.hidden``."""
        B, T = ids.shape
        past = 0 if cache is None else cache.tokens
        self.check(ids, past)
        positions, mask = positions_and_mask(T, past, valid, device=self.device)

        def mix(n: int, q: Heads, k: Heads, v: Heads) -> Rows:
            D = q.shape[-1]
            q, k, v = (rows.view(B, T, -1, D).transpose(1, 2) for rows in (q, k, v))
            if cache is not None:
                k, v = cache.append(n, k, v)  # (B, K, S, D)
            return mix_heads(q, k, v, mask)

        x = self.run(ids.flatten(), positions.expand(B, T).flatten(), mix)
        if cache is not None:
            cache.advance(T)
        return x.view(B, T, -1)

    def step(
        self,
        ids: Int[Tensor, " rows"],
        caches: Sequence[KVCache],
        counts: Sequence[int] | None = None,
    ) -> Float[Tensor, "rows V"]:
        """The next tokens of several texts of any lengths; logits after each token.

        ``counts`` says how many of the ids belong to each text: one, if not given.
        The matrices are read once for all. Attention goes row by row, so that with
        packed weights a row comes out the same, to the bit, whatever company it has.
        """
        counts = list(counts or [1] * len(caches))
        past = [cache.tokens for cache in caches]
        for rows, tokens in zip(ids.split(counts), past, strict=True):
            self.check(rows[None], tokens)
        ranges = [
            torch.arange(t, t + n, device=self.device)
            for t, n in zip(past, counts, strict=True)
        ]

        def mix(n: int, q: Heads, k: Heads, v: Heads) -> Rows:
            rows = list(q.unsqueeze(2).split(1))  # (1, H, 1, D) each
            k, v = (x.transpose(0, 1)[None].split(counts, 2) for x in (k, v))
            for b, cache in enumerate(caches):
                keys, values = cache.append(n, k[b], v[b])  # (1, K, S, D)
                for seen in range(past[b] + 1, past[b] + counts[b] + 1):
                    here = keys.narrow(2, 0, seen), values.narrow(2, 0, seen)
                    rows.append(mix_heads(rows.pop(0), *here, None))
            return torch.cat(rows)

        x = self.run(ids, torch.cat(ranges), mix)
        for cache, count in zip(caches, counts, strict=True):
            cache.advance(count)
        return self.logits(x)

    def run(
        self,
        ids: Int[Tensor, " rows"],
        positions: Int[Tensor, " rows"],
        mix: Callable[[int, Heads, Heads, Heads], Rows],
    ) -> Rows:
        """All blocks; ``mix`` is the attention of one layer."""
        rope = self.cos[positions], self.sin[positions]  # (rows, D)
        x, eps, heads = self.embedding[ids], self.config.rms_eps, self.config.n_heads
        for n, layer in enumerate(self.layers):
            mixed = mix(n, *qkv(x, *rope, layer, heads=heads, eps=eps))
            x = out_and_mlp(mixed, x, layer, eps=eps)
        return x

    def logits(self, x: Float[Tensor, "*any C"]) -> Float[Tensor, "*any V"]:
        """Final norm and unembedding, in float32 for what chooses among them."""
        y = normalize(x.flatten(0, -2), self.norm, self.config.rms_eps)
        return linear(y, self.unembedding).float().view(*x.shape[:-1], -1)

    @property
    def weight_bytes(self) -> int:
        """What one token of decoding reads: every matrix once, in the form it has."""
        matrices = [self.unembedding]
        for layer in self.layers:
            matrices += [layer.qkv, layer.out, layer.gate_up, layer.down]
        return sum(nbytes(matrix) for matrix in matrices)
