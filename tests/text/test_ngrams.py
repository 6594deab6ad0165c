"""Counts and back-off: by hand, against a slow reading of the formula, and as sums."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insidegpt.text import ngrams
from insidegpt.text.letters import to_ids

RHYME = "the cat that sat on the mat saw the rat and the hat"


def slow(ids, context, target, V, discount, longest=True):
    """Kneser-Ney with dictionaries, one probability at a time."""
    n = len(context) + 1
    runs = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
    if not longest:
        longer = {tuple(ids[i : i + n + 1]) for i in range(len(ids) - n)}
        runs = [run[1:] for run in longer]
    after = Counter(run[-1] for run in runs if run[:-1] == tuple(context))
    shorter = 1 / V
    if context:
        shorter = slow(ids, context[1:], target, V, discount, False)
    if not after:
        return shorter
    spared = discount * len(after) * shorter
    return (max(after[target] - discount, 0) + spared) / after.total()


def test_what_follows_th_in_a_rhyme_by_hand():
    """th: e 4, a 1. h: e after t; a after t and after a space. a: after 6 letters of 25
    pairs of 13 kinds. With half a count spared: o has (0.5 + 6.5 / 27) / 25 = 0.02963,
    a third of it after h, a fifth of that after th."""
    model = ngrams.count_runs(to_ids(RHYME), order=3, vocab_size=27, discount=0.5)
    p = ngrams.distributions(model, to_ids("th"))
    one = (0.5 + 6.5 / 27) / 25
    a = (5.5 + 6.5 / 27) / 25
    o, e, a3 = (p[to_ids(letter)[0]] for letter in "oea")
    assert o == pytest.approx(one / 3 / 5, abs=1e-15)
    assert e == pytest.approx((3.5 + (0.5 + one) / 3) / 5, abs=1e-15)
    assert a3 == pytest.approx((0.5 + (1.5 + a) / 3) / 5, abs=1e-15)


@given(
    st.lists(st.integers(0, 3), min_size=6, max_size=40),
    st.lists(st.integers(0, 3), min_size=3, max_size=3),
)
def test_every_probability_is_that_of_the_formula(ids, run):
    model = ngrams.count_runs(np.array(ids), order=3, vocab_size=4, discount=0.7)
    (fast,) = ngrams.probabilities(model, np.array([run]))
    assert fast == pytest.approx(slow(ids, run[:-1], run[-1], 4, 0.7), abs=1e-14)


@given(
    st.lists(st.integers(0, 4), min_size=5, max_size=60),
    st.lists(st.integers(0, 4), max_size=6),
)
def test_what_follows_a_context_sums_to_one_and_excludes_nothing(ids, context):
    model = ngrams.count_runs(np.array(ids), order=4, vocab_size=5)
    p = ngrams.distributions(model, np.array(context, int))
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert (p > 0).all() or any(t.discount in (0.0, 1.0) for t in model.tables)


def test_a_text_is_scored_letter_by_letter_and_beginnings_have_zeros_before():
    ids = to_ids(RHYME)
    model = ngrams.count_runs(ids, order=3, vocab_size=27)
    p = ngrams.text_probabilities(model, ids)
    assert len(p) == len(ids)
    assert p[9] == ngrams.probabilities(model, ids[None, 7:10])[0]
    assert p[0] == ngrams.probabilities(model, np.array([[0, 0, ids[0]]]))[0]


def test_causality_a_later_letter_changes_no_earlier_probability():
    model = ngrams.count_runs(to_ids(RHYME), order=4, vocab_size=27)
    one, other = to_ids("the cat ran"), to_ids("the cat rah")
    p, q = (ngrams.text_probabilities(model, ids) for ids in (one, other))
    assert np.array_equal(p[:-1], q[:-1]) and p[-1] != q[-1]


def test_a_discount_is_estimated_from_runs_that_occur_once_and_twice():
    """Of aab aab ac: pairs aa 2, ab 2, ba 2, ac 1: 1 / (1 + 2 * 3)."""
    model = ngrams.count_runs(np.array([0, 0, 1, 0, 0, 1, 0, 2]), order=2, vocab_size=3)
    assert model.tables[1].discount == pytest.approx(1 / 7)
    assert model.parameters == 4 + 3


def test_longer_contexts_copy_a_text_that_they_have_read():
    ids = to_ids(RHYME)
    bits = [
        -np.log2(ngrams.text_probabilities(model, ids)).mean()
        for model in (
            ngrams.count_runs(ids, order=n, vocab_size=27) for n in (1, 2, 4, 8)
        )
    ]
    assert bits == sorted(bits, reverse=True) and bits[0] > 3 > bits[-1]


def test_the_share_of_runs_that_are_known():
    model = ngrams.count_runs(to_ids("abab"), order=2, vocab_size=27)
    assert ngrams.seen(model, to_ids("abba"), 2) == pytest.approx(2 / 3)


def test_what_cannot_be_counted_is_named():
    with pytest.raises(ValueError, match="don't fit 64 bits"):
        ngrams.count_runs(np.zeros(99, int), order=14, vocab_size=27)
    with pytest.raises(ValueError, match="has no run of 3"):
        ngrams.count_runs(np.zeros(2, int), order=3, vocab_size=27)
    with pytest.raises(ValueError, match="from 0 to 2"):
        ngrams.count_runs(np.array([0, 1, 3]), order=2, vocab_size=3)
