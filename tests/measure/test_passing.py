"""pass@k: by hand, against every choice of k, and in the mean."""

from itertools import combinations

import numpy as np
import pytest

from insidegpt.measure.passing import pass_at_k


def test_by_hand():
    """Two of four are right. Of the six pairs, one has two wrong ones: 5/6."""
    assert pass_at_k([2], drawn=4, k=2) == pytest.approx(5 / 6)
    assert pass_at_k([2, 0], drawn=4, k=2) == pytest.approx(5 / 12)
    assert pass_at_k([1, 3], drawn=4, k=1) == pytest.approx(0.5)
    assert pass_at_k([3], drawn=4, k=2) == pass_at_k([1], drawn=4, k=4) == 1
    assert pass_at_k([0], drawn=4, k=4) == 0


@pytest.mark.parametrize("right", range(7))
@pytest.mark.parametrize("k", [1, 3, 5, 6])
def test_it_is_the_share_of_all_choices_with_a_right_one(right, k):
    marks = [True] * right + [False] * (6 - right)
    choices = [any(c) for c in combinations(marks, k)]
    expected = sum(choices) / len(choices)
    assert pass_at_k([right], drawn=6, k=k) == pytest.approx(expected)


def test_it_is_unbiased_and_plugging_in_the_share_is_not():
    """Over all outcomes of 8 draws, each with its probability."""
    p, n, k = 0.1, 8, 4
    chance = np.array([1.0])
    for _ in range(n):
        chance = np.convolve(chance, [1 - p, p])
    true = 1 - (1 - p) ** k
    found = [pass_at_k([c], drawn=n, k=k) for c in range(n + 1)]
    naive = [1 - (1 - c / n) ** k for c in range(n + 1)]
    assert chance @ found == pytest.approx(true, abs=1e-12)
    assert chance @ naive < true - 0.03


@pytest.mark.parametrize("k", [0, 5])
def test_more_answers_than_were_drawn_are_refused(k):
    with pytest.raises(ValueError, match="4 answers drawn"):
        pass_at_k([1], drawn=4, k=k)
    for wrong in ([], [5], [-1]):
        with pytest.raises(ValueError, match="how many"):
            pass_at_k(wrong, drawn=4, k=2)
