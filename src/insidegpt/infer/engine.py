"""The same model for speed: joined matrices, one flat loop, weights packed or not.

``GPT`` is written to be read, this to be run. Work is in rows, one for each token of
each text. Rows meet only in attention; from one attention to the next each is on its
own, and that stretch is one function, ``between``, which ``infer.compiled`` can turn
into machine code. The tests hold all of it equal to ``GPT``. Page: code/fast-inference.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from insidegpt.infer.compiled import specialize
from insidegpt.infer.quantize import MANY_ROWS, Packed, pack, packed_linear
from insidegpt.model.attention import attend
from insidegpt.model.cache import KVCache
from insidegpt.model.config import GPTConfig
from insidegpt.model.gpt import GPT, Block, check_ids, place
from insidegpt.model.rope import rope_angles

Matrix = Tensor | Packed
Rows = Float[Tensor, "rows width"]
Heads = Float[Tensor, "rows _ D"]  # H queries, or K keys or values


class Layer(NamedTuple):
    """One block's parameters, joined where they read the same input."""

    norm1: Float[Tensor, " twice"]
    qkv: Matrix  # queries, keys and values: (H + 2 K) D rows
    out: Matrix
    norm2: Float[Tensor, " twice"]
    gate_up: Matrix
    down: Matrix


class Engine:
    """A Llama-family GPT, ready to generate; ``generate`` takes it in a GPT's place.

    bits: 8 or 4 for packed weights (the unembedding has 8); None for dense ones.
    dtype: of activations, keys and values.
    compiled: take some seconds to compile what happens to a single row. A row
    then rounds otherwise than it does in company, as in a batch or among guesses.
    """

    most_rows = MANY_ROWS - 1  # of a step: beyond, products are dense and sum otherwise

    def __init__(
        self,
        model: GPT,
        *,
        bits: int | None = None,
        dtype: torch.dtype = torch.bfloat16,
        compiled: bool = False,
    ) -> None:
        c = model.config
        check_family(c)
        if bits is not None and dtype != torch.bfloat16:
            raise ValueError(f"Packed weights need bfloat16 activations, not {dtype}.")
        self.config, self.dtype, self.check = c, dtype, partial(check_ids, c)
        self.device = model.device
        self.embedding = model.embed.weight.to(dtype)
        unembed = model.embed if c.tied else model.unembed
        self.unembedding = form(unembed.weight, dtype, bits and 8)
        self.norm = twice(model.norm.weight).to(dtype)
        self.layers = [join(block, dtype, bits) for block in model.blocks]
        positions = torch.arange(c.context_tokens, device=self.device)[None]
        cos, sin = rope_angles(positions, c.d_head, base=c.rope_base, dtype=dtype)
        # rotate(x) = x cos + swap(x) sin, with the first half's sign in the table.
        self.cos = torch.cat((cos, cos), dim=-1)[0, 0]  # (context, D)
        self.sin = torch.cat((-sin, sin), dim=-1)[0, 0]
        pairs = list(pairwise(self.layers))
        function = partial(between, eps=c.rms_eps)
        self.stretches = [partial(function, pair) for pair in pairs]
        self.single_row = self.stretches
        if compiled:
            self.single_row = specialize(function, pairs, self.one_row())

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
        positions, mask = place(T, past, valid, device=self.device)

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
        ranges = [torch.arange(t, t + n) for t, n in zip(past, counts, strict=True)]

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
        x = self.embedding[ids]
        q, k, v = before(x, *rope, self.layers[0], eps=self.config.rms_eps)
        stretches = self.single_row if len(ids) == 1 else self.stretches
        for n, stretch in enumerate(stretches):
            x, q, k, v = stretch(mix(n, q, k, v), x, *rope)
        mixed = mix(len(stretches), q, k, v)
        return after(mixed, x, self.layers[-1], eps=self.config.rms_eps)

    def logits(self, x: Float[Tensor, "*any C"]) -> Float[Tensor, "*any V"]:
        """Final norm and unembedding, in float32 for what chooses among them."""
        y = normalize(x.flatten(0, -2), self.norm, self.config.rms_eps)
        return linear(y, self.unembedding).float().view(*x.shape[:-1], -1)

    def one_row(self) -> tuple[Rows, Rows, Tensor, Tensor]:
        """What ``between`` gets besides parameters, for one row."""
        x = self.embedding[:1]
        return x, x, self.cos[:1], self.sin[:1]

    @property
    def weight_bytes(self) -> int:
        """What one token of decoding reads: every matrix once, in the form it has."""
        matrices = [self.unembedding]
        for layer in self.layers:
            matrices += [layer.qkv, layer.out, layer.gate_up, layer.down]
        return sum(nbytes(matrix) for matrix in matrices)


def check_family(config: GPTConfig) -> None:
    """Raise ValueError for a model that the fast paths are not written for."""
    llama = config.rope_base is not None and config.rms_eps is not None
    if not llama or config.mlp != "swiglu" or config.bias:
        raise ValueError(
            "The engine runs models of the Llama family; this one has learned "
            "positions, LayerNorm, GELU or biases: use the GPT itself."
        )


def before(
    x: Rows, cos: Tensor, sin: Tensor, layer: Layer, *, eps: float
) -> tuple[Heads, Heads, Heads]:
    """Queries (rows, H, D), keys and values (rows, K, D); q and k rotated."""
    D = cos.shape[-1]
    y = normalize(x, layer.norm1, eps)
    heads = linear(y, layer.qkv).view(len(x), -1, D)  # (rows, H + 2 K, D)
    H = x.shape[1] // D
    K = (heads.shape[1] - H) // 2
    qk, v = heads[:, : H + K], heads[:, H + K :]
    swapped = qk.roll(D // 2, dims=-1)
    qk = torch.addcmul(qk * cos[:, None], swapped, sin[:, None])
    return qk[:, :H], qk[:, H:], v


def after(mixed: Rows, x: Rows, layer: Layer, *, eps: float) -> Rows:
    """The rest of a block: attention's output and the MLP, added to the stream."""
    x = x + linear(mixed, layer.out)
    y = normalize(x, layer.norm2, eps)
    gate, up = linear(y, layer.gate_up).chunk(2, dim=-1)
    return x + linear(F.silu(gate) * up, layer.down)


def between(
    pair: tuple[Layer, Layer],
    mixed: Rows,
    x: Rows,
    cos: Tensor,
    sin: Tensor,
    *,
    eps: float,
) -> tuple[Rows, Heads, Heads, Heads]:
    """From one layer's attention to the next one's queries, keys and values."""
    x = after(mixed, x, pair[0], eps=eps)
    return x, *before(x, cos, sin, pair[1], eps=eps)


def normalize(x: Rows, weight: Float[Tensor, " twice"], eps: float) -> Rows:
    """RMSNorm as the LayerNorm of (x, -x), whose mean is 0 and whose variance is the
    mean square of x: one kernel, where CPUs have none for RMSNorm."""
    C = x.shape[1]
    if torch.compiler.is_compiling():
        return F.rms_norm(x, (C,), weight[:C], eps)
    y = F.layer_norm(torch.cat((x, -x), dim=1), (2 * C,), weight, None, eps)
    return y[:, :C].contiguous()  # for one row it is already


def twice(weight: Float[Tensor, " C"]) -> Float[Tensor, " twice"]:
    return torch.cat((weight, weight))


def form(weight: Float[Tensor, "N K"], dtype: torch.dtype, bits: int | None) -> Matrix:
    """A matrix as the engine keeps it: dense in ``dtype``, or packed."""
    return weight.to(dtype) if bits is None else pack(weight.float(), bits=bits)


def join(block: Block, dtype: torch.dtype, bits: int | None) -> Layer:
    """A block's parameters, those that read the same input in one matrix."""
    a, mlp = block.attention, block.mlp
    qkv = torch.cat((a.query.weight, a.key.weight, a.value.weight))
    gate_up = torch.cat((mlp.gate.weight, mlp.up.weight))
    return Layer(
        twice(block.norm1.weight).to(dtype),
        form(qkv, dtype, bits),
        form(a.out.weight, dtype, bits),
        twice(block.norm2.weight).to(dtype),
        form(gate_up, dtype, bits),
        form(mlp.down.weight, dtype, bits),
    )


def nbytes(w: Matrix) -> int:
    return w.data.nbytes + w.scales.nbytes if isinstance(w, Packed) else w.nbytes


def linear(x: Float[Tensor, "rows K"], w: Matrix) -> Float[Tensor, "rows N"]:
    """x Wᵀ, whatever form W has."""
    return packed_linear(x, w) if isinstance(w, Packed) else F.linear(x, w)


def mix_heads(
    q: Float[Tensor, "B H T D"],
    k: Float[Tensor, "B K S D"],
    v: Float[Tensor, "B K S D"],
    mask: Bool[Tensor, "#B 1 T S"] | None,
) -> Rows:
    """Attention, heads side by side again in rows of (B T, H D).

    With one query a head, the heads that share a key stand as T = H / K queries of that
    key: the keys are then read once, not H / K times.
    """
    B, H, T, D = q.shape
    if T == 1:
        q = q.reshape(B, k.shape[1], -1, D)
        return F.scaled_dot_product_attention(q, k, v, mask).reshape(B, H * D)
    y = attend(q, k, v, mask)  # (B, H, T, D)
    return y.transpose(1, 2).reshape(B * T, H * D)
