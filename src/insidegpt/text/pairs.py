"""Pairs of neighbours: replace one, count all, merge a long piece in little time.

Page: algorithm/tokenization.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

Pair = tuple[int, int]


def merge_pair(ids: list[int], pair: Pair, whole: int) -> list[int]:
    """``ids`` with every occurrence of ``pair`` replaced, from left to right.

    >>> merge_pair([1, 2, 3, 1, 2], (1, 2), 4)
    [4, 3, 4]
    >>> merge_pair([1, 1, 1], (1, 1), 4)
    [4, 1]
    """
    left, right = pair
    out, i, last = [], 0, len(ids) - 1
    while i <= last:
        if i < last and ids[i] == left and ids[i + 1] == right:
            out.append(whole)
            i += 2
        else:
            out.append(ids[i])
            i += 1
    return out


def merge_long(
    ids: list[int], ranks: dict[Pair, int], merged_ids: Sequence[int]
) -> list[int]:
    """The same for a long piece, in n log n steps: a heap of pairs, a linked list."""
    ids, end = list(ids), len(ids)
    after, before = list(range(1, end + 1)), list(range(-1, end - 1))
    heap = [
        (ranks[pair], i, *pair) for i, pair in enumerate(pairwise(ids)) if pair in ranks
    ]
    heapq.heapify(heap)
    while heap:
        rank, i, left, right = heapq.heappop(heap)
        j = after[i]
        if ids[i] != left or j >= end or ids[j] != right:
            continue  # one of the two was merged away since
        ids[i], ids[j], after[i] = merged_ids[rank], -1, after[j]
        if after[i] < end:
            before[after[i]] = i
        for a, b in ((before[i], i), (i, after[i])):
            if a >= 0 and b < end and (pair := (ids[a], ids[b])) in ranks:
                heapq.heappush(heap, (ranks[pair], a, *pair))
    return [token for token in ids if token >= 0]


class PairCounts:
    """How often each pair of neighbours stands in a corpus, kept up to date.

    Counting anew after each merge would read the corpus thousands of times. Instead we
    keep each different pre-token once, and for each pair the pre-tokens that hold it;
    the heap may hold outdated counts, which are noticed when they come up.
    """

    def __init__(self, words: Iterable[tuple[list[int], int]]) -> None:
        self.words, self.repeats = [], []
        self.counts: Counter[Pair] = Counter()
        self.places: defaultdict[Pair, set[int]] = defaultdict(set)
        for number, (word, count) in enumerate(words):
            self.words.append(word)
            self.repeats.append(count)
            for pair in pairwise(word):
                self.counts[pair] += count
                self.places[pair].add(number)
        self.heap = [(-count, pair) for pair, count in self.counts.items()]
        heapq.heapify(self.heap)

    def most_frequent(self) -> Pair | None:
        """Take the most frequent pair off the heap; None when all words are whole."""
        while self.heap:
            negative, pair = heapq.heappop(self.heap)
            count = self.counts[pair]
            if count == -negative:
                return pair if count > 0 else None
            if count > 0:
                heapq.heappush(self.heap, (-count, pair))
        return None

    def merge(self, pair: Pair, whole: int) -> None:
        """Replace ``pair`` by ``whole`` everywhere."""
        grown = set()
        for number in self.places.pop(pair):
            repeats = self.repeats[number]
            word = self.words[number]
            self.words[number] = merged = merge_pair(word, pair, whole)
            for old in pairwise(word):
                self.counts[old] -= repeats
            for new in pairwise(merged):
                self.counts[new] += repeats
                if whole in new:
                    grown.add(new)
                    self.places[new].add(number)
        for new in grown:
            heapq.heappush(self.heap, (-self.counts[new], new))
