"""Bins and their error by hand, and what a perfect model would show."""

import numpy as np
import pytest

from insidegpt.measure.calibration import (
    calibration_error,
    error_by_luck,
    reliability,
)


def test_bins_and_error_by_hand():
    """Sure 0.2 and 0.4, none right: off by 0.3. Sure 0.8 and 1, one right: by 0.4."""
    bins = reliability([0.8, 0.2, 1.0, 0.4], [True, False, False, False], bins=2)
    assert [b.count for b in bins] == [2, 2]
    assert [b.sure for b in bins] == pytest.approx([0.3, 0.9])
    assert [b.right for b in bins] == pytest.approx([0.0, 0.5])
    assert calibration_error(bins) == pytest.approx((0.3 + 0.4) / 2)


def test_bins_differ_in_size_by_one_at_most_and_weigh_as_much():
    bins = reliability(
        [0.1, 0.2, 0.3, 0.4, 0.5], [True, False, False, False, True], bins=2
    )
    assert [b.count for b in bins] == [3, 2]
    assert calibration_error(bins) == pytest.approx((0.1333333 * 3 + 0.05 * 2) / 5)


def test_order_does_not_matter_where_no_two_are_equally_sure():
    draw = np.random.default_rng(0)
    sure, right = draw.random(50), draw.random(50) < 0.5
    turn = draw.permutation(50)
    assert reliability(sure, right) == reliability(sure[turn], right[turn])


def test_a_perfect_model_has_an_error_by_luck_alone():
    draw = np.random.default_rng(1)
    few, many = (draw.uniform(0.3, 1, size) for size in (100, 10_000))
    lucky = error_by_luck(few)
    assert 0.08 < lucky < 0.16  # sqrt(2/pi) sqrt(p(1-p)/10), about 0.11
    assert error_by_luck(many) < 0.02
    right = draw.random(len(many)) < many
    assert calibration_error(reliability(many, right)) < 0.02
    boast = calibration_error(reliability(many**0.5, right))
    assert boast > 0.1


def test_what_cannot_be_binned_is_refused():
    with pytest.raises(ValueError, match="bins need as many answers"):
        reliability([0.5], [True], bins=2)
    with pytest.raises(ValueError, match="1 answers and 2 probabilities"):
        reliability([0.5, 0.6], [True], bins=1)
    with pytest.raises(ValueError, match="from 0 to 1"):
        reliability([1.5], [True], bins=1)
