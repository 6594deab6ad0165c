"""The same model for speed: joined matrices, one flat loop, weights packed or not.

``GPT`` is written to be read, this to be run: no modules between the kernels, queries,
keys and values from one product, gate and up from another, rotary angles from a table.
The tests hold it equal to ``GPT``. Page: code/fast-inference.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from insidegpt.infer.quantize import Packed, pack, packed_linear
from insidegpt.model.attention import attend
from insidegpt.model.cache import KVCache
from insidegpt.model.gpt import GPT, Block, place
from insidegpt.model.rope import rope_angles

Matrix = Tensor | Packed


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

    bits: 8 or 4 for packed weights with bfloat16 activations (the unembedding has 8);
    None for dense weights in ``dtype``.
    """

    def __init__(
        self,
        model: GPT,
        *,
        bits: int | None = None,
        dtype: torch.dtype = torch.bfloat16,
    ) -> None:
        c = model.config
        if c.rope_base is None or c.rms_eps is None or c.mlp != "swiglu" or c.bias:
            raise ValueError(
                "The engine runs models of the Llama family; this one has learned "
                "positions, LayerNorm, GELU or biases: use the GPT itself."
            )
        if bits is not None and dtype != torch.bfloat16:
            raise ValueError(f"Packed weights need bfloat16 activations, not {dtype}.")
        self.config, self.dtype, self.check = c, dtype, model.check
        self.device = model.device
        self.embedding = model.embed.weight.to(dtype)
        unembed = model.embed if c.tied else model.unembed
        self.unembedding = form(unembed.weight, dtype, bits and 8)
        self.norm = twice(model.norm.weight).to(dtype)
        self.layers = [join(block, dtype, bits) for block in model.blocks]
        positions = torch.arange(c.context_tokens)[None]
        cos, sin = rope_angles(positions, c.d_head, base=c.rope_base, dtype=dtype)
        # rotate(x) = x cos + swap(x) sin, with the first half's sign in the table.
        self.cos = torch.cat((cos, cos), dim=-1)[0, 0]  # (context, D)
        self.sin = torch.cat((-sin, sin), dim=-1)[0, 0]

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
        positions, mask = place(T, past, valid)
        rope = self.cos[positions][:, :, None], self.sin[positions][:, :, None]
        x = self.embedding[ids.flatten()]  # (B T, C)
        for n, layer in enumerate(self.layers):
            y = linear(self.normalize(x, layer.norm1), layer.qkv)
            q, k, v = self.split(y.view(B, T, -1, self.config.d_head), *rope)
            if cache is not None:
                k, v = cache.append(n, k, v)  # (B, K, S, D)
            x = x + linear(mix(q, k, v, mask), layer.out)
            y = linear(self.normalize(x, layer.norm2), layer.gate_up)
            gate, up = y.chunk(2, dim=-1)
            x = x + linear(F.silu(gate) * up, layer.down)
        if cache is not None:
            cache.advance(T)
        return x.view(B, T, -1)

    def logits(self, x: Float[Tensor, "*any C"]) -> Float[Tensor, "*any V"]:
        """Final norm and unembedding, in float32 for what chooses among them."""
        y = self.normalize(x.reshape(-1, x.shape[-1]), self.norm)
        return linear(y, self.unembedding).float().view(*x.shape[:-1], -1)

    @property
    def weight_bytes(self) -> int:
        """What one token of decoding reads: every matrix once, in the form it has."""
        matrices = [self.unembedding]
        for layer in self.layers:
            matrices += [layer.qkv, layer.out, layer.gate_up, layer.down]
        return sum(nbytes(matrix) for matrix in matrices)

    def normalize(
        self, x: Float[Tensor, "rows C"], weight: Float[Tensor, " twice"]
    ) -> Float[Tensor, "rows C"]:
        """RMSNorm as the LayerNorm of (x, -x), whose mean is 0 and whose variance is
        the mean square of x: one kernel, where CPUs have none for RMSNorm."""
        C = x.shape[1]
        both = torch.cat((x, -x), dim=1)
        y = F.layer_norm(both, (2 * C,), weight, None, self.config.rms_eps)
        return y[:, :C].contiguous()  # for one row it is already

    def split(
        self, qkv: Float[Tensor, "B T all D"], cos: Tensor, sin: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (B, H, T, D), keys and values (B, K, T, D); q and k rotated."""
        H, K = self.config.n_heads, self.config.n_kv_heads
        qk, v = qkv[:, :, : H + K], qkv[:, :, H + K :]
        swapped = qk.roll(qk.shape[-1] // 2, dims=-1)
        q, k = torch.addcmul(qk * cos, swapped, sin).split((H, K), dim=2)
        return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)


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


def mix(
    q: Float[Tensor, "B H T D"],
    k: Float[Tensor, "B K S D"],
    v: Float[Tensor, "B K S D"],
    mask: Bool[Tensor, "#B 1 T S"] | None,
) -> Float[Tensor, "rows HD"]:
    """Attention, heads side by side again in rows of (B T, H D).

    With one query a head, the heads that share a key stand as T = H / K queries of that
    key: the keys are then read once, not H / K times.
    """
    B, H, T, D = q.shape
    if T == 1:
        y = F.scaled_dot_product_attention(q.view(B, k.shape[1], -1, D), k, v, mask)
        return y.reshape(B, H * D)
    y = attend(q, k, v, mask)  # (B, H, T, D)
    return y.transpose(1, 2).reshape(B * T, H * D)
