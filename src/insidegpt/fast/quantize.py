"""Weights in eight or four bits, and the products that read them packed.

Weight-only: activations stay bfloat16, sums are kept in float32 by the kernels, which
are PyTorch's own for CPUs. Dettmers et al. 2022 (eight bits, a scale a row), Frantar
et al. 2023 (four bits, in groups); rounding to nearest. Page: code/fast-inference.
"""

from typing import NamedTuple

import torch
from jaxtyping import BFloat16, Float
from torch import Tensor

GROUP = 32  # weights that share a scale and an offset, as in llama.cpp's Q4_1
INT4_ROWS, INT8_COLUMNS = 16, 16  # with others the kernels fail or, worse, don't
MANY_ROWS = 16  # from here on, unpacking once and a dense product are faster

_ops = torch.ops.aten


class Packed(NamedTuple):
    """A matrix as a kernel reads it: a scale a row (8 bits) or a group (4 bits)."""

    data: Tensor  # int8 (N, K), or nibbles in the kernel's own order, uint8 (N, K / 2)
    scales: Tensor  # bfloat16: (N,), or (K / 32, N, 2) of scale and zero
    dense: BFloat16[Tensor, "N K"]  # the same numbers unpacked, for prompts

    @property
    def bits(self) -> int:
        return 8 if self.data.dtype == torch.int8 else 4


def pack(weight: Float[Tensor, "N K"], *, bits: int) -> Packed:
    """Round ``weight`` to ``bits`` bits. Raises ValueError where no kernel fits."""
    if not weight.isfinite().all():
        raise ValueError("A weight is not a number (NaN) or infinite: it has no scale.")
    if bits == 8:
        return pack_int8(weight)
    if bits == 4:
        return pack_int4(weight)
    raise ValueError(f"bits must be 8 or 4, not {bits}.")


def pack_int8(weight: Float[Tensor, "N K"]) -> Packed:
    """w = scale q with q in -127 .. 127; the largest of each row sets its scale."""
    if weight.shape[1] % INT8_COLUMNS:
        raise ValueError(
            f"Rows of {weight.shape[1]} weights are no multiple of {INT8_COLUMNS}, "
            "which the kernel for eight bits needs."
        )
    largest = weight.abs().amax(dim=1, keepdim=True).clamp(min=1e-12)  # (N, 1)
    scale = (largest / 127).bfloat16()
    q = (weight / scale.float()).round().clamp(-127, 127)
    return Packed(q.to(torch.int8), scale[:, 0], (q * scale.float()).bfloat16())


def pack_int4(weight: Float[Tensor, "N K"]) -> Packed:
    """w = scale (q - 8) + zero with q in 0 .. 15, for each group of 32 in a row.

    Least and largest weight of a group become 0 and 15. Weights that came out of Q4_1
    blocks were made like that, so their q come back exactly; scale and zero are
    rounded to bfloat16, which the kernel wants.
    """
    N, K = weight.shape
    if K % GROUP or N % INT4_ROWS:
        raise ValueError(
            f"A matrix of {N} x {K} is no multiple of {INT4_ROWS} x {GROUP}, which the "
            "kernel for four bits needs."
        )
    groups = weight.view(N, K // GROUP, GROUP)
    least, largest = groups.aminmax(dim=-1)
    scale = ((largest - least) / 15).clamp(min=1e-12)  # (N, K / 32)
    q = ((groups - least[..., None]) / scale[..., None]).round().clamp(0, 15)
    scale, zero = scale.bfloat16(), (least + 8 * scale).bfloat16()
    dense = (q - 8) * scale.float()[..., None] + zero.float()[..., None]
    nibbles = _ops._convert_weight_to_int4pack_for_cpu(q.view(N, K).int(), 1)
    both = torch.stack((scale, zero), dim=-1).transpose(0, 1).contiguous()
    return Packed(nibbles, both, dense.view(N, K).bfloat16())


def packed_linear(
    x: BFloat16[Tensor, "rows K"], w: Packed
) -> BFloat16[Tensor, "rows N"]:
    """x Wᵀ. Few rows read the packed matrix, many the dense one."""
    if x.shape[0] >= MANY_ROWS:
        return x @ w.dense.T
    if w.bits == 8:
        return _ops._weight_int8pack_mm(x, w.data, w.scales)
    return _ops._weight_int4pack_mm_for_cpu(x, w.data, GROUP, w.scales)
