"""Intervals by hand, beside scipy's, and by how often they hold the truth."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from insidegpt.measure.intervals import (
    bootstrap,
    paired_difference,
    questions_needed,
    wilson,
)


def test_wilson_by_hand():
    """1 of 2 with z = 1: middle 1/2, half = sqrt(1/8 + 1/16) / (3/2) = 0.2887."""
    level = math.erf(1 / math.sqrt(2))  # what one standard deviation holds
    found = wilson(1, 2, level=level)
    assert found.mean == 0.5
    assert found.low == pytest.approx(0.5 - math.sqrt(3 / 16) / 1.5)
    assert found.high == pytest.approx(0.5 + math.sqrt(3 / 16) / 1.5)


@pytest.mark.parametrize("right, count", [(0, 10), (48, 100), (164, 164), (1, 3)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_wilson_is_scipys(right, count, level):
    other = binomtest(right, count).proportion_ci(level, method="wilson")
    found = wilson(right, count, level=level)
    assert found.low == pytest.approx(other.low, abs=1e-12)
    assert found.high == pytest.approx(other.high, abs=1e-12)


def test_the_bootstrap_of_two_values_by_hand():
    """Samples of 0 and 1 have means 0, 1/2, 1 in one, two and one of four cases."""
    found = bootstrap([0, 1], level=0.4)
    assert found == (0.5, 0.5, 0.5)
    assert bootstrap([0, 1], level=0.8) == (0.5, 0.0, 1.0)
    assert bootstrap([3.0]) == (3.0, 3.0, 3.0)


def test_the_bootstrap_agrees_with_the_standard_error_of_a_mean():
    values = np.random.default_rng(0).normal(size=400)
    found = bootstrap(values, rounds=20_000)
    expected = 1.96 * values.std() / math.sqrt(len(values))
    assert found.high - found.mean == pytest.approx(expected, rel=0.05)
    assert found.mean - found.low == pytest.approx(expected, rel=0.05)


def test_an_interval_of_95_percent_holds_the_truth_about_95_times_in_100():
    draw = np.random.default_rng(1)
    tests = draw.random((300, 100)) < 0.6
    found = [bootstrap(t, rounds=500) for t in tests]
    held = np.mean([i.low <= 0.6 <= i.high for i in found])
    assert 0.91 < held < 0.985


def test_questions_of_one_text_are_drawn_together():
    """Ten texts of ten equal answers are ten values and not a hundred."""
    values = np.repeat([0, 1] * 5, 10)
    alone = bootstrap(values, rounds=4000)
    together = bootstrap(values, groups=np.repeat(np.arange(10), 10), rounds=4000)
    wide, narrow = (i.high - i.low for i in (together, alone))
    assert wide / narrow == pytest.approx(math.sqrt(10), rel=0.12)
    names = [name for name in "abcdefghij" for _ in range(10)]
    assert bootstrap(values, groups=names, rounds=4000) == together


def test_groups_of_unequal_size_weigh_by_their_values():
    found = bootstrap([1, 1, 1, 0], groups=[0, 0, 0, 1], level=0.8)
    assert found == (0.75, 0.0, 1.0)


def test_pairs_are_narrower_where_both_find_the_same_questions_hard():
    draw = np.random.default_rng(2)
    first = draw.random(200) < 0.5
    second = np.where(draw.random(200) < 0.9, first, ~first)
    paired = paired_difference(first, second)
    apart = math.hypot(
        *(bootstrap(x).high - bootstrap(x).mean for x in (first, second))
    )
    assert paired.high - paired.mean < 0.6 * apart
    assert paired.mean == pytest.approx(first.mean() - second.mean())


def test_questions_needed_by_hand():
    """(1.960 + 0.842)^2 = 7.85, times (0.7 / 0.02)^2 = 1225: 9615."""
    assert questions_needed(0.02, 0.7) == 9615
    assert questions_needed(-0.02, 0.7) == 9615


def test_the_power_is_what_was_asked_for():
    count = questions_needed(0.1, 0.5)
    draw = np.random.default_rng(3)
    values = draw.normal(0.1, 0.5, (2000, count))
    seen = values.mean(1) / (values.std(1) / math.sqrt(count)) > 1.96
    assert seen.mean() == pytest.approx(0.8, abs=0.03)


def test_what_is_no_score_is_refused():
    with pytest.raises(ValueError, match="5 of 4 is no share"):
        wilson(5, 4)
    with pytest.raises(ValueError, match="no share"):
        wilson(0, 0)
    with pytest.raises(ValueError, match="one value"):
        bootstrap([])
    with pytest.raises(ValueError, match="two scores for each question"):
        paired_difference([1, 0], [1])
    with pytest.raises(ValueError, match="difference of zero"):
        questions_needed(0, 1)
