"""What happens to rows between one attention and the next, in as few calls as can be.

A row is one token of one text. Page: code/fast-inference.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from insidegpt.fast.fuse import Fused
from insidegpt.fast.quantize import Packed, pack, packed_linear
from insidegpt.model.attention import attend

Matrix = Tensor | Packed
Rows = Float[Tensor, "rows width"]
Heads = Float[Tensor, "rows _ D"]  # H queries, or K keys or values


class Layer(NamedTuple):
    """One block's parameters in the engine's type, matrices dense or packed."""

    norm1: Float[Tensor, " twice"]
    qkv: Matrix
    bias: Tensor | None
    qk_norm: Tensor | None
    out: Matrix
    norm2: Float[Tensor, " twice"]
    gate_up: Matrix
    down: Matrix
    rotary: bool


def qkv(
    x: Rows, cos: Tensor, sin: Tensor, layer: Layer, *, heads: int, eps: float
) -> tuple[Heads, Heads, Heads]:
    """Queries (rows, H, D), keys and values (rows, K, D); q and k rotated."""
    D = cos.shape[-1]
    y = linear(normalize(x, layer.norm1, eps), layer.qkv)
    if layer.bias is not None:
        y = y + layer.bias
    y = y.view(len(x), -1, D)  # (rows, H + 2 K, D)
    K = (y.shape[1] - heads) // 2
    qk, v = y[:, :-K], y[:, -K:]
    if layer.qk_norm is not None:
        qk = F.rms_norm(qk, (D,), eps=eps) * layer.qk_norm
    if layer.rotary:
        swapped = qk.roll(D // 2, dims=-1)
        qk = torch.addcmul(qk * cos[:, None], swapped, sin[:, None])
    return qk[:, :heads], qk[:, heads:], v


def out_and_mlp(
    mixed: Float[Tensor, "rows H_D"], x: Rows, layer: Layer, *, eps: float
) -> Rows:
    """The rest of a block: attention's output and the MLP, added to the stream."""
    x = x + linear(mixed, layer.out)
    y = normalize(x, layer.norm2, eps)
    gate, up = linear(y, layer.gate_up).chunk(2, dim=-1)
    return x + linear(F.silu(gate) * up, layer.down)


def normalize(x: Rows, weight: Float[Tensor, " twice"], eps: float) -> Rows:
    """RMSNorm as the LayerNorm of (x, -x), whose mean is 0 and whose variance is the
    mean square of x: one kernel, where CPUs have none for RMSNorm."""
    C = x.shape[1]
    y = F.layer_norm(torch.cat((x, -x), dim=1), (2 * C,), weight, None, eps)
    return y[:, :C].contiguous()  # for one row it is already


def duplicate(weight: Float[Tensor, " C"]) -> Float[Tensor, " twice"]:
    return torch.cat((weight, weight))


def to_matrix(
    weight: Float[Tensor, "N K"], dtype: torch.dtype, bits: int | None
) -> Matrix:
    """A matrix as the engine keeps it: dense in ``dtype``, or packed."""
    return weight.to(dtype) if bits is None else pack(weight.float(), bits=bits)


def to_layer(
    fused: Fused, dtype: torch.dtype, bits: int | None, *, rotary: bool
) -> Layer:
    matrices = ("qkv", "out", "gate_up", "down")
    made = {name: to_matrix(getattr(fused, name), dtype, bits) for name in matrices}
    made |= {n: duplicate(getattr(fused, n)).to(dtype) for n in ("norm1", "norm2")}
    for name in ("bias", "qk_norm"):
        given = getattr(fused, name)
        made[name] = None if given is None else given.to(dtype)
    return Layer(**made, rotary=rotary)


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
    key: the keys are then read once, not H / K times. mask None: causal.
    """
    B, H, T, D = q.shape
    if T == 1:
        q = q.reshape(B, k.shape[1], -1, D)
        return F.scaled_dot_product_attention(q, k, v, mask).reshape(B, H * D)
    y = attend(q, k, v, mask, causal=mask is None)  # (B, H, T, D)
    return y.transpose(1, 2).reshape(B * T, H * D)
