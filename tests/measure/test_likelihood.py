"""Each token is scored once, with the context that is stated."""

import math

import pytest
import torch
from small_training import fresh

from insidegpt.measure.likelihood import (
    bits_per_byte,
    ending_logprobs,
    text_logprobs,
)


@pytest.fixture(scope="module")
def model():
    return fresh().eval()


def by_hand(model, ids, seen):
    """Log-probability of each token after at most ``seen(place)`` ones before it."""
    found = []
    for place in range(1, len(ids)):
        before = torch.tensor([ids[max(0, place - seen(place)) : place]])
        found.append(model(before)[0, -1].log_softmax(-1)[ids[place]])
    return torch.stack(found)


def test_with_a_stride_of_one_each_token_has_the_whole_context(model):
    ids = torch.randint(16, (40,)).tolist()
    ours = text_logprobs(model, ids, context_tokens=8, stride=1)
    assert torch.allclose(ours, by_hand(model, ids, lambda place: 8), atol=1e-12)


def test_half_a_window_goes_on_and_no_token_is_scored_twice(model):
    """Places 1 to 8 in the first window; then four a window, after 4 to 7 others."""
    ids = torch.randint(16, (31,)).tolist()
    ours = text_logprobs(model, ids, context_tokens=8)
    expected = by_hand(model, ids, lambda place: windowed(place, len(ids)))
    assert len(ours) == 30
    assert torch.allclose(ours, expected, atol=1e-12)


def windowed(place, length, context=8, stride=4):
    """How many tokens before this place its window holds, counted from scratch."""
    ends, end = [], 1 + context
    while not ends or ends[-1] < length:
        ends.append(min(end, length))
        end += stride
    mine = next(e for e in ends if place < e)
    return place - max(0, mine - 1 - context)


def test_a_text_of_one_window_is_scored_in_one_reading(model):
    ids = torch.randint(16, (9,)).tolist()
    ours = text_logprobs(model, ids, context_tokens=16)
    assert torch.allclose(ours, by_hand(model, ids, lambda place: place), atol=1e-12)


@pytest.mark.parametrize("ids", [[], [3]])
def test_a_text_in_which_nothing_is_predicted_is_refused(model, ids):
    with pytest.raises(ValueError, match="needs two tokens"):
        text_logprobs(model, ids, context_tokens=8)


def test_bits_per_byte_by_hand():
    """Two tokens of probability 1/4 for one byte: four bits."""
    assert bits_per_byte(torch.tensor([0.25, 0.25]).log(), 1) == pytest.approx(4)


def test_endings_of_unequal_length_are_those_of_single_readings(model):
    prompts = [[1, 2, 3], [4], [5, 6, 7, 8, 9]]
    endings = [[1], [2, 3, 4], [5, 6]]
    ours = ending_logprobs(model, prompts, endings, rows=2)
    for got, prompt, ending in zip(ours, prompts, endings, strict=True):
        ids = [*prompt, *ending]
        single = text_logprobs(model, ids, context_tokens=16)[len(prompt) - 1 :]
        assert math.isclose(got, single.sum(), abs_tol=1e-12)
