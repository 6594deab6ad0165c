"""Pairs of neighbours: counts that stay right, a heap that merges as the simple way."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insidegpt.text.pairs import PairCounts, merge_long, merge_pair


@pytest.mark.parametrize(
    ("ids", "pair", "merged"),
    [
        ([1, 2, 3, 1, 2], (1, 2), [9, 3, 9]),
        ([1, 1, 1], (1, 1), [9, 1]),  # from left to right
        ([2, 1], (1, 2), [2, 1]),
        ([], (1, 2), []),
    ],
)
def test_a_pair_is_replaced_by_hand(ids, pair, merged):
    assert merge_pair(ids, pair, 9) == merged


def test_pair_counts_stay_right_while_merging():
    """After each merge the counts are those of counting everything anew."""
    words = [([1, 1, 1, 2], 3), ([2, 1, 1], 2), ([1, 2, 1, 2], 1)]
    counts = PairCounts(([*word], n) for word, n in words)
    for whole in (3, 4, 5):
        pair = counts.most_frequent()
        counts.merge(pair, whole)
        anew = {}
        for word, n in zip(counts.words, counts.repeats, strict=True):
            for both in pairwise(word):
                anew[both] = anew.get(both, 0) + n
        assert {p: n for p, n in counts.counts.items() if n} == anew


@settings(max_examples=300)
@given(st.text("ab \n", min_size=1, max_size=300))
def test_the_heap_merges_long_pieces_as_the_simple_way_does(tokenizers, text):
    gpt2 = tokenizers["gpt2"]
    ids = gpt2._start(text)
    simple = list(ids)
    for _ in gpt2._merges(simple):
        pass
    assert merge_long(ids, gpt2._ranks, gpt2._merged_ids) == simple
