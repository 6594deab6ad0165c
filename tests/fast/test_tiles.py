"""Tiles: by hand, there and back, and what a GGUF's blocks get back."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from insidegpt.fast.tiles import pack_tiles, rows_of, unpack_tiles
from insidegpt.files.gguf import read_gguf
from insidegpt.files.locate import smollm2_gguf


def test_four_bits_by_hand():
    """Row 0 holds 0 .. 15 twice: scale 1, zero 0, q the numbers themselves. Byte j of
    row 0 in the first of four lines has column j low and column 4 + j high."""
    weight = torch.zeros(16, 32)
    weight[0] = torch.arange(32).remainder(16)
    tile = pack_tiles(weight, bits=4).data[0, 0]
    assert tile[:4].tolist() == [0 + 16 * 4, 1 + 16 * 5, 2 + 16 * 6, 3 + 16 * 7]
    third = [8 + 16 * 12, 9 + 16 * 13, 10 + 16 * 14, 11 + 16 * 15]
    assert tile[64:68].tolist() == third
    assert tile[256:].view(torch.float16).tolist() == [1.0] + 31 * [0.0]


def test_eight_bits_by_hand():
    """Row 1 reaches from -127 to 127: scale 1, zero -128, q = w + 128. Row 1's first
    four columns are bytes 4 to 7, its next four bytes 68 to 71."""
    weight = torch.zeros(16, 32)
    weight[1, :5] = torch.tensor([-127.0, 127.0, 1.0, -1.0, 3.0])
    tile = pack_tiles(weight, bits=8).data[0, 0]
    assert tile[4:8].tolist() == [1, 255, 129, 127]
    assert tile[68].item() == 131
    scale, zero = tile[512:].view(torch.float16).split(16)
    assert (scale[1], zero[1]) == (1.0, -128.0)


@given(st.integers(0, 2**31), st.sampled_from([4, 8]))
def test_there_and_back_is_off_by_half_a_step_at_most(seed, bits):
    g = torch.Generator().manual_seed(seed)
    size = 10.0 ** torch.randint(-2, 3, (1,), generator=g)
    weight = size * torch.randn(48, 96, generator=g)
    back = unpack_tiles(pack_tiles(weight, bits=bits))
    groups = weight.view(48, 3, 32)
    span = groups.amax(-1) - groups.amin(-1) if bits == 4 else 2 * groups.abs().amax(-1)
    step = span / (15 if bits == 4 else 254)
    half = 2**-11 * (groups.abs().amax(-1) + span)  # scale and zero are float16
    off = (back - weight).view(48, 3, 32).abs().amax(-1)
    assert (off <= step / 2 + half).all()


def test_a_constant_group_comes_back():
    weight = torch.full((16, 32), 0.75)
    weight[3] = 0
    for bits in (4, 8):
        back = unpack_tiles(pack_tiles(weight, bits=bits))
        assert (back - weight).abs().max() <= 1e-3


def test_packing_again_changes_nothing():
    g = torch.Generator().manual_seed(0)
    for bits in (4, 8):
        tiles = pack_tiles(torch.randn(32, 64, generator=g), bits=bits)
        again = pack_tiles(unpack_tiles(tiles), bits=bits)
        assert torch.equal(again.data, tiles.data)


def test_the_blocks_of_smollm2s_file_come_through_unchanged(smollm2):
    """Its matrices are Q4_1 and Q8_0: not one of 134 million weights may differ."""
    kinds = {info.kind for info in read_gguf(smollm2_gguf()).tensors.values()}
    assert kinds <= {0, 3, 8}  # float32 (the norms), Q4_1, Q8_0
    matrices = {n: w for n, w in smollm2.named_parameters() if w.ndim == 2}
    for name, weight in matrices.items():
        tiles = pack_tiles(weight, bits=8 if name.startswith("embed") else 4)
        assert torch.equal(unpack_tiles(tiles), weight), name


def test_rows_are_those_of_the_whole():
    g = torch.Generator().manual_seed(1)
    tiles = pack_tiles(torch.randn(64, 64, generator=g), bits=8)
    ids = torch.tensor([63, 0, 17, 17, 5])
    assert torch.equal(rows_of(tiles, ids), unpack_tiles(tiles)[ids])


@pytest.mark.parametrize(
    ("shape", "bits", "sentence"),
    [
        ((16, 48), 4, "16 x 48 can't be cut"),
        ((20, 32), 8, "20 x 32 can't be cut"),
        ((16, 32), 5, "bits must be 8 or 4, not 5"),
    ],
)
def test_what_can_not_be_packed_is_refused(shape, bits, sentence):
    with pytest.raises(ValueError, match=sentence):
        pack_tiles(torch.ones(shape), bits=bits)
