"""A matrix cut into tiles, as ``products.hpp`` reads it.

A tile is 16 rows by 32 columns: its numbers q, then 16 scales and 16 zeros in float16,
one pair a row, w = scale q + zero. Weights out of a GGUF's Q4_1 or Q8_0 blocks come
through unchanged where the blocks use their outermost levels, as rounding leaves them:
a tile's pair *is* the block's. Page: code/fast-inference.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

ROWS, COLUMNS = 16, 32  # of a tile; a pair of scale and zero serves 32 columns


class Tiles(NamedTuple):
    """A matrix of N rows and K columns, 4 or 8 bits a weight and 1 for the pairs."""

    data: UInt8[Tensor, "strips tiles bytes"]  # strips of 16 rows, tiles from the left
    bits: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.data.shape[0] * ROWS, self.data.shape[1] * COLUMNS


def pack_tiles(weight: Float[Tensor, "N K"], *, bits: int) -> Tiles:
    """Round ``weight`` to 4 or 8 bits. ValueError if it can't be cut into tiles."""
    N, K = weight.shape
    if N % ROWS or K % COLUMNS:
        raise ValueError(
            f"A matrix of {N} x {K} can't be cut into tiles of {ROWS} x {COLUMNS}."
        )
    if bits not in ROUND:
        raise ValueError(f"bits must be 8 or 4, not {bits}.")
    # Some strips at a time, so that little memory is needed beside the result.
    return Tiles(torch.cat([_pack(w, bits) for w in weight.split(64 * ROWS)]), bits)


def _pack(weight: Float[Tensor, "N K"], bits: int) -> UInt8[Tensor, "strips _ _"]:
    strips = len(weight) // ROWS
    q, scale, zero = ROUND[bits](weight.float().view(len(weight), -1, COLUMNS))
    if not (scale.isfinite() & zero.isfinite()).all():
        raise ValueError("Some weights are no numbers, or too large for float16.")
    # (strip, tile, four columns, row, one of the four)
    q = q.to(torch.uint8).view(strips, ROWS, -1, 8, 4).permute(0, 2, 3, 1, 4)
    if bits == 4:  # two numbers a byte: of columns 0-3 and 4-7, 8-11 and 12-15, ...
        q = q[:, :, 0::2] | q[:, :, 1::2] << 4
    pairs = [
        x.view(strips, ROWS, -1).transpose(1, 2).contiguous().view(torch.uint8)
        for x in (scale, zero)
    ]
    return torch.cat((q.flatten(2), *pairs), dim=-1)


def round4(groups: Float[Tensor, "N groups 32"]) -> tuple[Tensor, Tensor, Tensor]:
    """q in 0 .. 15: the least of a group becomes 0, the largest 15."""
    least, largest = groups.aminmax(dim=-1)
    scale, zero = ((largest - least) / 15).half(), least.half()
    q = (groups - zero.float()[..., None]) / scale.float()[..., None]
    return q.nan_to_num(0).round().clamp(0, 15), scale, zero


def round8(groups: Float[Tensor, "N groups 32"]) -> tuple[Tensor, Tensor, Tensor]:
    """q in 0 .. 255: from the least to the largest, or with zero at 128 and as far to
    either side as the larger of the two; for each group what comes closer."""
    least, largest = groups.aminmax(dim=-1)
    size = torch.maximum(-least, largest)
    ways = [
        ((largest - least) / 255, least),
        (size / 127, -128 * (size / 127).half().float()),
    ]
    found = []
    for scale, zero in ways:
        scale, zero = scale.half(), zero.half()
        q = (groups - zero.float()[..., None]) / scale.float()[..., None]
        q = q.nan_to_num(0).round().clamp(0, 255)
        back = q * scale.float()[..., None] + zero.float()[..., None]
        found.append(((back - groups).abs().amax(-1), q, scale, zero))
    (off, *one), (other_off, *other) = found
    better = off < other_off
    masks = better[..., None], better, better
    return tuple(torch.where(*c) for c in zip(masks, one, other, strict=True))


ROUND = {4: round4, 8: round8}


def unpack_tiles(tiles: Tiles) -> Float[Tensor, "N K"]:
    """The weights that the tiles stand for."""
    return rows_of(tiles, torch.arange(tiles.shape[0]))


def rows_of(tiles: Tiles, rows: Int[Tensor, " n"]) -> Float[Tensor, "n K"]:
    """Some rows of the matrix: what an embedding is asked for."""
    strips, count, _ = tiles.data.shape
    strip, row = rows // ROWS, rows % ROWS
    q, pairs = tiles.data.split((64 * tiles.bits, 4 * ROWS), dim=-1)
    q = q.view(strips, count, tiles.bits, ROWS, 4)[strip, :, :, row]
    if tiles.bits == 4:
        q = torch.stack((q & 15, q >> 4), dim=3)  # (n, count, 4, 2, 4)
    pairs = pairs.view(strips, count, 2, ROWS, 2)[strip, :, :, row]
    scale, zero = pairs.view(torch.float16).float().unbind(2)  # (n, count, 1)
    return (q.flatten(2) * scale + zero).flatten(1)
