"""Self-attention: by hand, its two twins against each other, and what must hold."""

import math

import pytest
import torch

from insidegpt.model.attention import (
    attend,
    attend_explicit,
    attention_weights,
    causal_mask,
)


def random_qkv(H=6, K=2, T=5, S=5, D=8, seed=0):
    g = torch.Generator().manual_seed(seed)
    shapes = (2, H, T, D), (2, K, S, D), (2, K, S, D)
    return [torch.randn(*s, generator=g, dtype=torch.float64) for s in shapes]


def test_two_keys_by_hand():
    """q = 2, keys 0 and 1: scores 0 and 2, weights 1 / (1 + e^2) and the rest."""
    q = torch.full((1, 1, 1, 1), 2.0)
    k = torch.tensor([0.0, 1.0]).view(1, 1, 2, 1)
    first = 1 / (1 + math.exp(2))
    weights = attention_weights(q, k)[0, 0, 0]
    assert torch.allclose(weights, torch.tensor([first, 1 - first]))
    v = torch.tensor([10.0, 20.0]).view(1, 1, 2, 1)
    assert math.isclose(
        attend_explicit(q, k, v).item(), 10 * first + 20 * (1 - first), rel_tol=1e-6
    )


@pytest.mark.parametrize("K", [1, 2, 3, 6])
def test_the_fused_twin_equals_the_explicit_one(K):
    q, k, v = random_qkv(K=K)
    mask = causal_mask(5, 5)
    assert torch.allclose(
        attend(q, k, v, mask), attend_explicit(q, k, v, mask), atol=1e-12
    )


def test_weights_are_shares():
    q, k, _ = random_qkv()
    weights = attention_weights(q, k, causal_mask(5, 5))
    assert torch.allclose(weights.sum(-1), torch.ones(2, 6, 5).double())
    assert (weights >= 0).all()


def test_no_weight_falls_on_the_future():
    q, k, _ = random_qkv()
    weights = attention_weights(q, k, causal_mask(5, 5))
    assert torch.equal(weights.triu(1), torch.zeros_like(weights))


def test_changing_a_later_token_leaves_earlier_outputs_bit_equal():
    q, k, v = random_qkv()
    before = attend_explicit(q, k, v, causal_mask(5, 5))
    k[:, :, 3], v[:, :, 3] = 9.0, -9.0
    after = attend_explicit(q, k, v, causal_mask(5, 5))
    assert torch.equal(before[:, :, :3], after[:, :, :3])
    assert not torch.equal(before[:, :, 3:], after[:, :, 3:])


def test_the_mask_of_cached_keys_is_the_end_of_the_full_one():
    assert torch.equal(causal_mask(2, 5), causal_mask(5, 5)[3:])


def test_without_positions_the_order_of_keys_does_not_matter():
    q, k, v = random_qkv(T=1)
    order = torch.tensor([3, 0, 4, 1, 2])
    shuffled = attend(q, k[:, :, order], v[:, :, order])
    assert torch.allclose(shuffled, attend(q, k, v), atol=1e-12)


def test_grouped_queries_share_their_key():
    q, k, v = random_qkv(H=6, K=2)
    own = attention_weights(q[:, 3:], k[:, 1:].expand(-1, 3, -1, -1))
    assert torch.allclose(attention_weights(q, k)[:, 3:], own, atol=1e-12)


def test_adding_a_constant_to_every_score_changes_nothing():
    """Scores move together when every key gains the same part along the query."""
    q, k, v = random_qkv(H=2, K=2, T=1)
    moved = k + 7 * q
    assert torch.allclose(attend(q, k, v), attend(q, moved, v), atol=1e-9)
