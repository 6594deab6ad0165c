"""Packed weights: by hand, against the dense product, and what Q4_1 gets back."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kernel_shapes import check_shape

from insidegpt.fast import quantize
from insidegpt.fast.quantize import pack, pack_int4, pack_int8, packed_linear


def exact(x, packed):
    """x Wᵀ in float64 with the numbers that the packed form stands for."""
    if packed.bits == 8:
        w = packed.data.double() * packed.scales.double()[:, None]
    else:
        w = packed.dense.double()
    return x.double() @ w.T


def absolute(packed):
    """The same with every number positive: what errors are measured against."""
    return packed._replace(data=packed.data.abs(), dense=packed.dense.abs())


def test_eight_bits_by_hand():
    """Row (1.27, -0.635): the scale 1.27 / 127 = 0.01 becomes 0.01001 in bfloat16, and
    1.27 / 0.01001 = 126.9, 0.635 / 0.01001 = 63.4."""
    packed = pack_int8(torch.tensor([[1.27, -0.635] + 14 * [0.0]]))
    assert packed.scales.item() == 0.010009765625
    assert packed.data.tolist() == [[127, -63] + 14 * [0]]


def test_four_bits_by_hand():
    """A group from 0 to 15 in steps of 1: scale 1, zero 8, and nothing is lost."""
    weight = torch.arange(32.0).remainder(16)[None].repeat(16, 1)
    packed = pack_int4(weight)
    assert packed.scales.float().unique().tolist() == [1.0, 8.0]
    assert torch.equal(packed.dense.float(), weight)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("rows", [1, 3, 15])
def test_the_kernel_gives_the_product_of_what_is_packed(bits, rows):
    g = torch.Generator().manual_seed(rows)
    weight = torch.randn(96, 128, generator=g)
    x = torch.randn(rows, 128, generator=g).bfloat16()
    packed = pack(weight, bits=bits)
    off = (packed_linear(x, packed) - exact(x, packed)).abs()
    # The kernel unpacks to bfloat16: each weight may be off by 2^-8 of itself.
    assert (off <= 2**-8 * exact(x.abs(), absolute(packed)) + 2**-8).all()


@pytest.mark.parametrize("bits", [8, 4])
def test_many_rows_take_the_dense_product_and_agree(bits, monkeypatch):
    g = torch.Generator().manual_seed(0)
    packed = pack(torch.randn(64, 64, generator=g), bits=bits)
    x = torch.randn(20, 64, generator=g).bfloat16()
    dense = packed_linear(x, packed).float()
    monkeypatch.setattr(quantize, "MANY_ROWS", 100)
    kernel = packed_linear(x, packed).float()
    assert (dense - kernel).abs().max() <= 0.02 * dense.abs().max()


@given(st.integers(0, 2**31))
def test_rounding_is_never_off_by_more_than_half_a_step(seed):
    g = torch.Generator().manual_seed(seed)
    weight = torch.randn(16, 64, generator=g)
    for bits, levels in ((8, 254), (4, 15)):
        packed = pack(weight, bits=bits)
        groups = weight.view(16, -1, 64 if bits == 8 else 32)
        if bits == 8:
            span = 2 * groups.abs().amax(-1, keepdim=True)
        else:
            span = groups.amax(-1, keepdim=True) - groups.amin(-1, keepdim=True)
        off = (packed.dense.float().view_as(groups) - groups).abs()
        rounding = 2**-8 * groups.abs().amax()  # of scale, zero and dense to bfloat16
        assert (off <= span / levels / 2 + 2 * rounding).all()


def test_weights_from_q4_1_blocks_keep_their_levels():
    """Packing a dequantized block finds the sixteen levels that it was made with."""
    g = torch.Generator().manual_seed(0)
    q = torch.randint(0, 16, (16, 2, 32), generator=g)
    q[..., 0], q[..., 1] = 0, 15  # Q4_1 maps the least and the largest weight so
    d = torch.rand(16, 2, 1, generator=g) + 0.1
    m = torch.randn(16, 2, 1, generator=g)
    weight = (q * d + m).view(16, 64)
    packed = pack_int4(weight)
    scale, zero = packed.scales.float().transpose(0, 1).unbind(-1)
    levels = (packed.dense.float().view(16, 2, 32) - zero[..., None]) / scale[..., None]
    assert (levels + 8 - q).abs().max() < 0.2  # but for bfloat16: the same level


@pytest.mark.parametrize(
    ("shape", "bits", "sentence"),
    [
        ((16, 48), 4, "16 x 48 is no multiple of 16 x 32"),
        ((20, 64), 4, "20 x 64 is no multiple of 16 x 32"),
        ((4, 172), 8, "172 weights are no multiple of 16"),
        ((4, 64), 3, "bits must be 8 or 4, not 3"),
    ],
)
def test_what_no_kernel_takes_is_refused(shape, bits, sentence):
    with pytest.raises(ValueError, match=sentence):
        pack(torch.ones(shape), bits=bits)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("bits", [4, 8])
def test_weights_that_are_no_numbers_are_refused(bad, bits):
    weight = torch.ones(16, 32)
    weight[3, 5] = bad
    with pytest.raises(ValueError, match="not a number"):
        pack(weight, bits=bits)


SHAPES = [(N, K) for N in (1, 7, 16, 40, 200) for K in range(16, 176, 16)]


@pytest.mark.parametrize(("N", "K"), SHAPES)
def test_a_shape_is_computed_right_or_refused(N, K):
    """Fifty of them; benchmarks/kernel_shapes.py tries all up to 200 by 200."""
    check_shape(N, K)
