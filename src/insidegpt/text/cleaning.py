"""Throw away what a model should not read: pages that are no prose, and near-copies.

Rules of thumb for prose: after Rae et al. 2021 (Gopher), appendix A. Near-copies:
MinHash, Broder 1997, with bands as in Leskovec et al. 2020, chapter 3. Page:
code/pretraining.
"""

import re
from collections.abc import Iterable, Sequence
from hashlib import blake2b

import numpy as np
from jaxtyping import UInt32

COMMON = frozenset(
    "a an and as at by for from has in is it of on that the to we".split()
)
SHINGLE_WORDS = 5
BANDS, ROWS = 16, 4  # pairs of similarity 0.5 share a band with probability 0.64


def is_prose(text: str) -> bool:
    """Whether a text looks like sentences: a full stop, and one word in 20 is common.

    What it lets through may still be wrong or useless, and a poem may be turned away.
    """
    words = re.findall(r"[a-z]+", text.lower())
    if len(words) < 5 or not text.rstrip().endswith((".", "!", "?", '"')):
        return False
    common = sum(word in COMMON for word in words)
    return common / len(words) >= 0.05 and len(set(words)) / len(words) >= 0.3


def shingles(text: str, size: int = SHINGLE_WORDS) -> set[str]:
    """Every run of ``size`` words; the whole text where it is shorter."""
    words = text.lower().split()
    last = max(1, len(words) - size + 1)
    return {" ".join(words[i : i + size]) for i in range(last)}


def similarity(one: str, other: str) -> float:
    """Shared shingles over all shingles of both (Jaccard), from 0 to 1."""
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b)


def minhash(
    text: str, hashes: int = BANDS * ROWS, seed: int = 0
) -> UInt32[np.ndarray, " N"]:
    """For each of many random orders of all shingles, the first that the text has.

    Two texts agree in an order with the probability that is their similarity: it
    happens just when the first of all shingles of both is one that they share.
    """
    draw = np.random.default_rng(seed)
    factors, shifts = draw.integers(1, 2**63, (2, hashes), dtype=np.uint64)
    numbers = [_number(shingle) for shingle in shingles(text)]
    places = np.array(numbers, np.uint64)[:, None] * (factors | np.uint64(1)) + shifts
    return (places >> np.uint64(32)).min(0).astype(np.uint32)


def without_copies(texts: Sequence[str], *, at_least: float = 0.7) -> list[int]:
    """Places of the texts to keep: those that are near-copies of none kept before.

    at_least: the estimated similarity from which a text counts as a copy. Only texts
    that agree in a whole band are compared, so the work grows with the number of
    texts and not with its square.
    """
    buckets: dict[tuple, list[int]] = {}
    kept, marks = [], {}
    for place, text in enumerate(texts):
        mark = minhash(text)
        bands = [
            (n, *band) for n, band in enumerate(mark.reshape(BANDS, ROWS).tolist())
        ]
        near = {other for band in bands for other in buckets.get(band, ())}
        if any((marks[other] == mark).mean() >= at_least for other in near):
            continue
        kept.append(place)
        marks[place] = mark
        for band in bands:
            buckets.setdefault(band, []).append(place)
    return kept


def clean(
    texts: Iterable[str], *, prose: bool = True, copies: bool = True
) -> list[str]:
    """Texts that are prose (if asked for) and no near-copies (if asked for)."""
    texts = [text for text in texts if is_prose(text)] if prose else list(texts)
    return [texts[place] for place in without_copies(texts)] if copies else texts


def _number(shingle: str) -> int:
    """A number of 64 bits that is the same in every process."""
    return int.from_bytes(blake2b(shingle.encode(), digest_size=8).digest(), "little")
