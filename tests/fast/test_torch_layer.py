"""The parts of a fast layer, each against the plain operation."""

import pytest
import torch
import torch.nn.functional as F

from insidegpt.fast.quantize import pack
from insidegpt.fast.torch_layer import duplicate, linear, mix_heads, nbytes, normalize
from insidegpt.model.attention import attend_explicit, causal_mask


def test_the_norm_is_rms_norm():
    x, weight = torch.randn(5, 24).double(), torch.rand(24).double()
    right = F.rms_norm(x, (24,), weight, 1e-5)
    assert (normalize(x, duplicate(weight), 1e-5) - right).abs().max() <= 1e-12


@pytest.mark.parametrize("T", [1, 5])
def test_heads_are_mixed_causally_where_no_mask_is_given(T):
    q, k, v = (torch.randn(2, heads, T, 4).double() for heads in (6, 2, 2))
    right = attend_explicit(q, k, v, causal_mask(T, T))
    right = right.transpose(1, 2).reshape(2 * T, 24)
    assert (mix_heads(q, k, v, None) - right).abs().max() <= 1e-12


def test_packed_matrices_count_their_packed_bytes():
    dense = torch.randn(16, 32)
    packed = pack(dense, bits=4)
    assert nbytes(dense) == 16 * 32 * 4 and nbytes(packed) == 16 * 16 + 16 * 4
    x = torch.randn(3, 32)
    assert torch.equal(linear(x, dense), F.linear(x, dense))
    off = linear(x.bfloat16(), packed).float() - F.linear(x, packed.dense.float())
    assert off.abs().max() <= 0.1
