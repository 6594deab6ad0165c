"""Guess numbers, and Shannon's bounds from them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insidegpt.measure.guessing import bounds, guess_numbers, shares


def test_the_likeliest_is_guessed_first_and_ties_go_by_number():
    p = np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4], [0.4, 0.2, 0.4]])
    assert guess_numbers(p, np.array([2, 0, 2])).tolist() == [2, 1, 2]


def test_every_letter_has_a_guess_number_of_its_own():
    rows = np.tile([0.1, 0.3, 0.1, 0.3, 0.2], (5, 1))
    assert sorted(guess_numbers(rows, np.arange(5)).tolist()) == [1, 2, 3, 4, 5]


def test_the_bounds_of_a_half_and_two_quarters_by_hand():
    """Upper: 0.5 + 0.5 + 0.5. Lower: 1 * 0.25 * 0 + 2 * 0 * 1 + 3 * 0.25 * log2 3."""
    found = bounds(shares([1, 1, 2, 3], choices=27))
    assert found.upper == pytest.approx(1.5, abs=1e-15)
    assert found.lower == pytest.approx(0.75 * np.log2(3), abs=1e-15)


@pytest.mark.parametrize("known", [1, 3, 27])
def test_both_bounds_are_exact_where_some_letters_are_equally_likely(known):
    q = np.array([1 / known] * known + [0.0] * (27 - known))
    assert bounds(q) == pytest.approx((np.log2(known), np.log2(known)), abs=1e-12)


ROWS = st.lists(
    st.lists(st.floats(0.01, 1), min_size=4, max_size=4), min_size=1, max_size=6
)


@given(ROWS)
def test_an_ideal_guessers_bounds_hold_the_entropy(weights):
    """Contexts are equally frequent, and the guesser knows each one's distribution."""
    p = np.array(weights)
    p /= p.sum(1, keepdims=True)
    entropy = -(p * np.log2(p)).sum(1).mean()
    low, high = bounds(-np.sort(-p, 1).mean(0))
    assert low - 1e-9 <= entropy <= high + 1e-9


def test_numbers_that_no_guess_has_are_refused():
    for numbers in ([], [0], [28]):
        with pytest.raises(ValueError, match="from 1 to 27"):
            shares(numbers, choices=27)
