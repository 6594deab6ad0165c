"""Byte-level BPE: text to ids and back, and how the vocabulary is learned.

Gage 1994 for the compression, Sennrich et al. 2016 for words, Radford et al. 2019 for
bytes. A text is cut into pre-tokens, each pre-token into bytes, and then the pair of
neighbours that was learned first is merged until no pair is known.
Page: algorithm/tokenization.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import regex

from insidegpt.text.interface import check_token, utf8
from insidegpt.text.pairs import Pair, PairCounts, merge_long
from insidegpt.text.pretokens import ALPHABET, GPT2_PATTERN, compile_cut, name_pattern

CACHED_PIECES = 200_000  # then the cache starts anew
CACHED_LENGTH = 40  # characters of a piece; longer ones hardly come twice
LONG_PIECE_BYTES = 100  # from here on, a heap beats looking at all pairs again


@dataclass(frozen=True)
class BPETokenizer:
    """A vocabulary, the merges that lead to it, and what its files say besides."""

    vocab: tuple[bytes, ...]  # the bytes of every id; of a special token, its name
    merges: tuple[Pair, ...]  # ids of left and right part, in the order learned
    pattern: str = GPT2_PATTERN
    special: dict[str, int] = field(default_factory=dict)  # never made from text
    added: dict[str, int] = field(default_factory=dict)  # always taken whole from text
    normalize: str | None = None  # "NFC": compose accents first, as Qwen does
    whole_words: bool = False  # take a pre-token that is in the vocabulary as it is
    chat_template: str | None = None  # see interface.Tokenizer for these
    bos_token: str | None = None  # a name for the template; begin_ids say if it is used
    begin_ids: tuple[int, ...] = ()
    end_ids: tuple[int, ...] = ()
    _cache: dict = field(default_factory=dict, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        self._split, self._merged_ids  # noqa: B018  errors come now, not in encode

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
        for piece in self.pieces(text):
            found = cache.get(piece)
            if found is None:
                found = self._merge(piece)
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

    def token_bytes(self, token: int) -> bytes:
        """The bytes that one id stands for."""
        check_token(token, self.vocab_size)
        return self.vocab[token]

    def pieces(self, text: str) -> list[str]:
        """Pre-tokens and added tokens: no merge ever crosses their borders."""
        pieces = []
        for part in self._added_split.split(text) if self.added else [text]:
            if part in self.added:
                pieces.append(part)
                continue
            if self.normalize:
                part = unicodedata.normalize(self.normalize, part)
            pieces += self._split.findall(part)
        return pieces

    def merge_steps(self, piece: str) -> list[list[bytes]]:
        """Every state of one pre-token, from single bytes to tokens."""
        ids = self._start(piece)
        steps = [list(ids), *(list(ids) for _ in self._merges(ids))]
        return [[self.vocab[i] for i in state] for state in steps]

    def _start(self, piece: str) -> list[int]:
        ids = [self._byte_ids[byte] for byte in utf8(piece)]
        return [token for token in ids if token is not None]

    def _merge(self, piece: str) -> list[int]:
        if piece in self.added:
            return [self.added[piece]]
        if self.whole_words and (whole := self._ids.get(utf8(piece))) is not None:
            return [whole]
        ids = self._start(piece)
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

    @cached_property
    def _ids(self) -> dict[bytes, int]:
        """Ids by bytes; a merged token goes before an added one with the same bytes."""
        apart = {*self.special.values(), *self.added.values()}
        ids = {self.vocab[i]: i for i in self.added.values()}
        return ids | {word: i for i, word in enumerate(self.vocab) if i not in apart}

    @cached_property
    def _merged_ids(self) -> list[int]:
        merged = [self.vocab[left] + self.vocab[right] for left, right in self.merges]
        if not all(word in self._ids for word in merged):
            raise ValueError("A merge gives bytes that have no id in the vocabulary.")
        return [self._ids[word] for word in merged]

    @cached_property
    def _byte_ids(self) -> list[int | None]:
        return [self._ids.get(bytes([byte])) for byte in range(256)]

    @cached_property
    def _ranks(self) -> dict[Pair, int]:
        return {pair: rank for rank, pair in enumerate(self.merges)}

    @cached_property
    def _split(self) -> regex.Pattern:
        return compile_cut(self.pattern)

    @cached_property
    def _added_split(self) -> regex.Pattern:
        return name_pattern(self.added)


def train(
    texts: Iterable[str],
    *,
    vocab_size: int,
    pattern: str = GPT2_PATTERN,
    special_tokens: Sequence[str] = (),
) -> BPETokenizer:
    """Learn a vocabulary: merge the most frequent pair, again and again.

    Ids: special tokens, the 256 bytes, then a token for each merge. Of equally
    frequent pairs the one with the lower ids goes first. Ends early, with a smaller
    vocabulary, when no pair is left.
    """
    if isinstance(texts, str | bytes) or isinstance(special_tokens, str):
        raise ValueError("texts or special_tokens is one string: give a list of them.")
    if len({"", *special_tokens}) <= len(special_tokens):
        raise ValueError("special_tokens must be different names, none of them empty.")
    vocab = [name.encode("utf-8") for name in special_tokens] + list(ALPHABET)
    if vocab_size < len(vocab):
        raise ValueError(
            f"vocab_size must be at least {len(vocab)}, for 256 single bytes and "
            f"{len(special_tokens)} special tokens, not {vocab_size}."
        )
    ids = {word: i for i, word in enumerate(vocab) if i >= len(special_tokens)}
    split = compile_cut(pattern)
    counts = Counter(piece for text in texts for piece in split.findall(text))
    corpus = PairCounts(
        ([ids[bytes([byte])] for byte in utf8(piece)], count)
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
    return BPETokenizer(tuple(vocab), tuple(merges), pattern, special)
