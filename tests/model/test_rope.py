"""Rotary positions: by hand, against transformers, and what makes them worth having."""

import math

import torch
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from insidegpt.model.rope import apply_rope, rope_angles, rope_frequencies


def angles(positions, d_head, base=1e4):
    return rope_angles(
        torch.tensor([positions]), d_head, base=base, dtype=torch.float64
    )


def test_a_quarter_turn_by_hand():
    """A head of width 2 turns by its position in radians: (1, 0) becomes (cos, sin)."""
    cos, sin = angles([3], 2)
    turned = apply_rope(torch.tensor([[[[1.0, 0.0]]]]).double(), cos, sin)
    expected = torch.tensor([math.cos(3), math.sin(3)]).double()
    assert torch.allclose(turned[0, 0, 0], expected, atol=1e-7)


def test_frequencies_fall_from_one_by_equal_ratios():
    f = rope_frequencies(8, base=1e4)
    assert torch.allclose(f, torch.tensor([1.0, 0.1, 0.01, 0.001]).double())


def test_position_zero_changes_nothing():
    x = torch.randn(1, 2, 1, 8).double()
    assert torch.equal(apply_rope(x, *angles([0], 8)), x)


def test_lengths_are_kept():
    x = torch.randn(1, 2, 5, 8).double()
    turned = apply_rope(x, *angles([0, 1, 7, 100, 8191], 8))
    assert torch.allclose(turned.norm(dim=-1), x.norm(dim=-1))


def test_scores_depend_only_on_distance():
    q, k = torch.randn(2, 1, 1, 1, 64).double()

    def score(i, j):
        return (apply_rope(q, *angles([i], 64)) * apply_rope(k, *angles([j], 64))).sum()

    assert torch.allclose(score(5, 2), score(805, 802), atol=1e-10)
    assert not torch.allclose(score(5, 2), score(5, 3), atol=1e-3)


def test_equals_transformers():
    q, k = torch.randn(2, 1, 3, 6, 16).double()
    cos, sin = angles([0, 1, 2, 3, 4, 5], 16)
    theirs = apply_rotary_pos_emb(
        q, k, torch.cat((cos, cos), -1)[:, 0], torch.cat((sin, sin), -1)[:, 0]
    )
    assert torch.allclose(apply_rope(q, cos, sin), theirs[0], atol=1e-12)
    assert torch.allclose(apply_rope(k, cos, sin), theirs[1], atol=1e-12)
