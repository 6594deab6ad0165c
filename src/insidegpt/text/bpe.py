"""Byte-level BPE: text to ids and back, and how the vocabulary is learned.

Gage 1994 for the compression, Sennrich et al. 2016 for words, Radford et al. 2019 for
bytes. A text is cut into pre-tokens, each pre-token into bytes, and then the pair of
neighbours that was learned first is merged until no pair is known.
Page: algorithm/tokenization.
"""

import codecs
import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import regex

Pair = tuple[int, int]

# GPT-2's: contractions, words, numbers, other signs, white space. A space belongs to
# the word after it; of a longer run the last space does.
GPT2_PATTERN = (
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
)

# Single bytes take ids in this order: printable ones first, as GPT-2 has them.
PRINTABLE = (*range(33, 127), *range(161, 173), *range(174, 256))
BYTE_ORDER = PRINTABLE + tuple(b for b in range(256) if b not in PRINTABLE)
ALPHABET = tuple(bytes([byte]) for byte in BYTE_ORDER)

CACHED_PIECES = 200_000  # then the cache starts anew
CACHED_LENGTH = 40  # characters of a piece; longer ones hardly come twice
LONG_PIECE_BYTES = 100  # from here on, a heap beats looking at all pairs again


@dataclass(frozen=True)
class Tokenizer:
    """A vocabulary and the merges that lead to it."""

    vocab: tuple[bytes, ...]  # the bytes of every id; of a special token, its name
    merges: tuple[Pair, ...]  # ids of left and right part, in the order learned
    pattern: str = GPT2_PATTERN
    special: dict[str, int] = field(default_factory=dict)  # never made from text

    def __post_init__(self) -> None:
        special = set(self.special.values())
        ids = {word: i for i, word in enumerate(self.vocab) if i not in special}
        merged = [self.vocab[left] + self.vocab[right] for left, right in self.merges]
        if not all(word in ids for word in merged):
            raise ValueError("A merge gives bytes that have no id in the vocabulary.")
        made = {"_byte_ids": [ids.get(bytes([byte])) for byte in range(256)]}
        made |= {"_ranks": {pair: rank for rank, pair in enumerate(self.merges)}}
        made |= {"_merged_ids": [ids[word] for word in merged]}
        made |= {"_split": regex.compile(self.pattern), "_cache": {}}
        for name, value in made.items():
            object.__setattr__(self, name, value)  # frozen: derived, set once

    @property
    def vocab_size(self) -> int:
        """V, special tokens included."""
        return len(self.vocab)

    @property
    def missing_bytes(self) -> bytes:
        """Bytes that the vocabulary can't write. ``encode`` drops them, as
        ``tokenizers`` does; SmolLM2 lacks a few control characters."""
        return bytes(byte for byte, i in enumerate(self._byte_ids) if i is None)

    def encode(self, text: str) -> list[int]:
        """Ids of ``text``. Names of special tokens are text like any other."""
        cache, ids = self._cache, []
        for piece in self._split.findall(text):
            found = cache.get(piece)
            if found is None:
                found = self._merge(self._start(piece))
                if len(piece) <= CACHED_LENGTH:
                    if len(cache) >= CACHED_PIECES:
                        cache.clear()
                    cache[piece] = found
            ids += found
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ``ids``; bytes that are no UTF-8 become U+FFFD."""
        data = b"".join(map(self.token_bytes, ids))
        return data.decode("utf-8", errors="replace")

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """Text as it becomes certain: a character comes when its last byte is there."""
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        for token in ids:
            piece = decoder.decode(self.token_bytes(token))
            if piece:
                yield piece
        rest = decoder.decode(b"", final=True)
        if rest:
            yield rest

    def token_bytes(self, token: int) -> bytes:
        """The bytes that one id stands for."""
        if not 0 <= token < len(self.vocab):
            raise ValueError(
                f"There is no token {token}: ids of this tokenizer lie in "
                f"0..{len(self.vocab) - 1}."
            )
        return self.vocab[token]

    def pieces(self, text: str) -> list[str]:
        """The pre-tokens: no merge ever crosses their borders."""
        return self._split.findall(text)

    def merge_steps(self, piece: str) -> list[list[bytes]]:
        """Every state of one pre-token, from single bytes to tokens."""
        ids = self._start(piece)
        steps = [list(ids)]
        for _ in self._merges(ids):
            steps.append(list(ids))
        return [[self.vocab[i] for i in state] for state in steps]

    def save(self, path: str | Path) -> None:
        """Write everything as JSON; bytes as Latin-1 characters."""
        vocab = [word.decode("latin-1") for word in self.vocab]
        data = {"vocab": vocab, "merges": self.merges}
        data |= {"pattern": self.pattern, "special": self.special}
        Path(path).write_text(json.dumps(data), encoding="utf-8")

    def _start(self, piece: str) -> list[int]:
        try:
            ids = [self._byte_ids[byte] for byte in piece.encode("utf-8")]
        except UnicodeEncodeError as error:
            raise ValueError(
                f"The text holds half a surrogate pair, {piece[error.start]!r}, which "
                "is no character: decode it properly first."
            ) from error
        return [token for token in ids if token is not None]

    def _merge(self, ids: list[int]) -> list[int]:
        if len(ids) > LONG_PIECE_BYTES:
            return merge_long(ids, self._ranks, self._merged_ids)
        for _ in self._merges(ids):
            pass
        return ids

    def _merges(self, ids: list[int]) -> Iterator[int]:
        """Merge in place, earliest learned pair first; yields each merge's rank."""
        rank, unknown = self._ranks.get, len(self.merges)
        ranks = [rank(pair, unknown) for pair in pairwise(ids)]
        while ranks and (least := min(ranks)) < unknown:
            at = ranks.index(least)
            ids[at : at + 2] = [self._merged_ids[least]]
            del ranks[at]  # and the pairs on both sides are new ones:
            if at > 0:
                ranks[at - 1] = rank((ids[at - 1], ids[at]), unknown)
            if at < len(ranks):
                ranks[at] = rank((ids[at], ids[at + 1]), unknown)
            yield least


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


def train(
    texts: Iterable[str],
    *,
    vocab_size: int,
    pattern: str = GPT2_PATTERN,
    special_tokens: Sequence[str] = (),
) -> Tokenizer:
    """Learn a vocabulary: merge the most frequent pair, again and again.

    Ids: special tokens, the 256 bytes, then a token for each merge. Of equally
    frequent pairs the one with the lower ids goes first. Ends early, with a smaller
    vocabulary, when no pair is left.
    """
    vocab = [name.encode("utf-8") for name in special_tokens] + list(ALPHABET)
    if vocab_size < len(vocab):
        raise ValueError(
            f"vocab_size must be at least {len(vocab)}, for 256 single bytes and "
            f"{len(special_tokens)} special tokens, not {vocab_size}."
        )
    ids = {word: i for i, word in enumerate(vocab) if i >= len(special_tokens)}
    split, counts = regex.compile(pattern), Counter()
    for text in texts:
        counts.update(split.findall(text))
    corpus = PairCounts(
        ([ids[bytes([byte])] for byte in piece.encode("utf-8")], count)
        for piece, count in counts.items()
    )
    merges = []
    while len(vocab) < vocab_size and (pair := corpus.most_frequent()) is not None:
        whole = vocab[pair[0]] + vocab[pair[1]]
        if whole not in ids:  # two ways may lead to the same bytes
            ids[whole] = len(vocab)
            vocab.append(whole)
        corpus.merge(pair, ids[whole])
        merges.append(pair)
    special = {name: i for i, name in enumerate(special_tokens)}
    return Tokenizer(tuple(vocab), tuple(merges), pattern, special)


def merge_pair(ids: list[int], pair: Pair, whole: int) -> list[int]:
    """``ids`` with every occurrence of ``pair`` replaced, from left to right."""
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
