"""Rotary positions: turn pairs of a head's numbers by angles that grow with position.

Su et al. 2021, "RoFormer", equation 34. Deviation: as in Llama's published weights,
pair i is (x[i], x[i + D/2]) and not two neighbours. Page:
algorithm/positions.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor


def rope_frequencies(
    d_head: int, *, base: float, factors: Sequence[float] | None = None
) -> Float[Tensor, " half"]:
    """Radians per position for each of the D/2 pairs: from 1 down to about 1/base.

    factors: divide them, so that a longer text takes a pair no further round than it
    went in training (position interpolation, Chen et al. 2023).
    """
    exponents = torch.arange(0, d_head, 2, dtype=torch.float64) / d_head  # (D/2,)
    frequencies = base**-exponents
    if factors is None:
        return frequencies
    return frequencies / torch.tensor(factors, dtype=torch.float64)


def rope_angles(
    positions: Int[Tensor, "B T"],
    d_head: int,
    *,
    base: float,
    dtype: torch.dtype,
    factors: Sequence[float] | None = None,
) -> tuple[Float[Tensor, "B 1 T half"], Float[Tensor, "B 1 T half"]]:
    """Cosine and sine of every pair's angle at every position, the same for all heads.

    The angle is computed in float64 and rounded once: a float32 angle of 8,000 radians
    would be off by up to 0.0005.
    """
    turns = rope_frequencies(d_head, base=base, factors=factors).to(positions.device)
    angles = positions[:, None, :, None] * turns  # (B, 1, T, D/2)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def apply_rope(
    x: Float[Tensor, "B heads T D"],
    cos: Float[Tensor, "#B 1 T half"],
    sin: Float[Tensor, "#B 1 T half"],
) -> Float[Tensor, "B heads T D"]:
    """Rotate every pair of ``x``; lengths, and so attention's scale, stay the same."""
    a, b = x.chunk(2, dim=-1)  # (B, heads, T, D/2) each
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)
