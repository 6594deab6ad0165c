"""Sampling: each filter by hand, against transformers, and over many draws."""

import pytest
import torch
from transformers import (
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from insidegpt.infer.sampling import (
    Sampling,
    choose,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    penalize_repetition,
    probabilities,
    sample,
)

P = torch.tensor([[0.5, 0.25, 0.15, 0.1]], dtype=torch.float64)


def test_top_k_by_hand():
    assert keep_top_k(P, 2).tolist() == [[0.5, 0.25, 0, 0]]
    assert torch.equal(keep_top_k(P, 9), P)


def test_top_k_keeps_exactly_k_of_equal_tokens():
    assert keep_top_k(torch.full((1, 4), 0.25), 3).tolist() == [[0.25, 0.25, 0.25, 0]]


@pytest.mark.parametrize("k", [1, 5, 40, 299, 300, 1000])
def test_top_k_equals_sorting_everything(k):
    """On rows with many ties, which go to the lower ids, and on rows with none."""
    g = torch.Generator().manual_seed(k)
    logits = torch.randn(6, 300, generator=g)
    logits[:3] = logits[:3].round(decimals=1)
    p = logits.softmax(-1)
    order = p.sort(dim=-1, descending=True, stable=True).indices
    assert torch.equal(keep_top_k(p, k), p.scatter(1, order[:, k:], 0.0))


def test_top_p_keeps_the_token_that_crosses_the_line():
    """0.5 + 0.25 reach 0.7, so the third is not needed; 0.76 needs it."""
    assert keep_top_p(P, 0.7).tolist() == [[0.5, 0.25, 0, 0]]
    assert keep_top_p(P, 0.76).tolist() == [[0.5, 0.25, 0.15, 0]]
    assert keep_top_p(P, 1e-9).tolist() == [[0.5, 0, 0, 0]]
    assert torch.equal(keep_top_p(P, 1.0), P)


def test_top_p_follows_the_order_of_the_tokens_not_of_the_likeliest():
    p = torch.tensor([[0.1, 0.5, 0.15, 0.25]], dtype=torch.float64)
    assert keep_top_p(p, 0.7).tolist() == [[0, 0.5, 0, 0.25]]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_top_p_sorts_only_what_can_matter_and_loses_nothing(share):
    """Against sorting everything, on peaked and flat rows with many equal tokens."""
    g = torch.Generator().manual_seed(0)
    width = torch.tensor([[0.0], [0.5], [3.0], [12.0]])
    p = (width * torch.randn(4, 3000, generator=g).double().round(decimals=1)).softmax(
        -1
    )
    ordered, order = p.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(-1) - ordered
    right = p.scatter(1, order, ordered.masked_fill(before >= share, 0.0))
    kept = keep_top_p(p, share)
    assert ((kept > 0).sum(-1) - (right > 0).sum(-1)).abs().max() <= 1  # at the line
    assert (kept - right).abs().max() <= ordered.max(-1).values.min()
    assert torch.equal(kept[1:] > 0, right[1:] > 0)


def test_min_p_by_hand():
    """The line is 0.3 of 0.5, that is 0.15; what lies on it stays."""
    assert keep_min_p(P, 0.3).tolist() == [[0.5, 0.25, 0.15, 0]]


def test_repetition_penalty_by_hand():
    """Seen tokens 0 and 1: 2 is halved to 1, -1 doubled to -2; 2 is left alone."""
    logits = torch.tensor([[2.0, -1.0, 3.0]])
    seen = torch.tensor([[0, 1, 1]])
    assert penalize_repetition(logits, seen, penalty=2.0).tolist() == [[1, -2, 3]]


def test_temperature_sharpens_and_flattens():
    logits = torch.tensor([[1.0, 0.0]]).double()
    best = [
        probabilities(logits, Sampling(temperature=t))[0, 0].item()
        for t in (0, 0.5, 1, 9)
    ]
    assert best == sorted(best, reverse=True) and best[0] == 1


def test_a_tiny_temperature_is_greedy_and_finite():
    p = probabilities(
        torch.tensor([[900.0, 901.0, -900.0]]), Sampling(temperature=1e-6)
    )
    assert p.tolist() == [[0, 1, 0]]


def test_rows_are_filtered_each_on_its_own():
    logits = torch.randn(3, 50).double()
    sampling = Sampling(top_k=20, top_p=0.8, min_p=0.02)
    both = probabilities(logits, sampling)
    for row, expected in zip(logits, both, strict=True):
        alone = probabilities(row[None], sampling)
        assert torch.allclose(alone[0], expected)


@pytest.mark.parametrize("seed", range(5))
def test_equals_transformers_in_the_same_order(seed):
    torch.manual_seed(seed)
    logits, ids = 3 * torch.randn(2, 300), torch.randint(300, (2, 12))
    theirs = logits
    for step in (
        RepetitionPenaltyLogitsProcessor(1.3),
        TemperatureLogitsWarper(0.7),
        TopKLogitsWarper(40),
        TopPLogitsWarper(0.9),
        MinPLogitsWarper(0.05),
    ):
        theirs = step(ids, theirs)
    ours = probabilities(
        penalize_repetition(logits, ids, penalty=1.3),
        Sampling(temperature=0.7, top_k=40, top_p=0.9, min_p=0.05),
    )
    assert torch.allclose(ours, theirs.softmax(-1), atol=1e-6)


def test_draws_follow_the_probabilities():
    """Chi-square over 40,000 draws, 3 degrees of freedom: 16.3 is the 0.1 % line."""
    n = 40_000
    ids = sample(P.expand(n, -1), torch.Generator().manual_seed(0))
    expected = P[0] * n
    chi_square = ((ids.bincount(minlength=4) - expected) ** 2 / expected).sum()
    assert chi_square < 16.3


def test_a_token_without_probability_is_never_drawn():
    p = torch.tensor([[0.0, 0.7, 0.0, 0.3, 0.0]]).expand(20_000, -1)
    assert set(sample(p, torch.Generator().manual_seed(0)).tolist()) == {1, 3}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"temperature": -1.0}, "temperature must be 0 or more"),
        ({"temperature": float("nan")}, "temperature must be 0 or more"),
        ({"top_k": 0}, "top_k must be at least 1"),
        ({"top_p": 0.0}, "top_p must lie above 0"),
        ({"top_p": 1.5}, "top_p must lie above 0"),
        ({"min_p": -0.1}, "min_p must lie between"),
        ({"repetition_penalty": 0.0}, "repetition_penalty must be above 0"),
        ({"seed": 2**64}, "seed must fit into 64 bits"),
    ],
)
def test_settings_that_mean_nothing_are_one_sentence(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Sampling(**settings)


def test_a_temperature_too_small_for_float32_is_greedy_not_nan():
    p = probabilities(torch.tensor([[1.0, 3.0, 2.0]]), Sampling(temperature=1e-300))
    assert p.tolist() == [[0.0, 1.0, 0.0]]


def test_a_share_too_small_for_float32_keeps_the_best_token():
    p = probabilities(torch.tensor([[1.0, 3.0, 2.0]]), Sampling(top_p=1e-320))
    assert p.tolist() == [[0.0, 1.0, 0.0]]


def test_logits_that_are_no_numbers_are_an_error_and_not_the_last_token():
    for p in (torch.zeros(1, 4), torch.full((1, 4), float("nan"))):
        with pytest.raises(ValueError, match="No token has a probability"):
            sample(p)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_score_that_is_no_number_is_an_error_and_not_a_token(bad, temperature):
    logits = torch.tensor([[0.0, 1.0, 2.0], [0.0, bad, 5.0]])
    seen = torch.zeros(2, 1, dtype=torch.long)
    with pytest.raises(ValueError, match="scores are not all numbers"):
        choose(logits, seen, Sampling(temperature=temperature))


def test_a_token_may_be_impossible():
    logits = torch.tensor([[float("-inf"), 1.0, float("-inf")]])
    seen = torch.zeros(1, 1, dtype=torch.long)
    for temperature in (0.0, 1.0):
        assert choose(logits, seen, Sampling(temperature=temperature)).tolist() == [1]
