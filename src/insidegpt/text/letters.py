"""Shannon's alphabet: 26 letters and the space, a number each.

Small enough for tables, and one byte a letter, so that bits a letter are bits per byte.
Page: concepts/language-models.
"""

import re
import unicodedata
from collections.abc import Iterable

import numpy as np
from jaxtyping import Int

ALPHABET = " abcdefghijklmnopqrstuvwxyz"


def letters(text: str) -> str:
    """A text in small letters with one space between words, and nothing else.

    Letters lose their accents, and whatever isn't one of the 26 separates words.
    """
    plain = unicodedata.normalize("NFKD", text).lower()
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return " ".join(re.findall("[a-z]+", plain))


def to_ids(text: str) -> Int[np.ndarray, " N"]:
    """The number of each letter, 0 for the space. ValueError for any other sign."""
    strange = sorted(set(text) - set(ALPHABET))
    if strange:
        raise ValueError(f"{strange[0]!r} is none of the 27: use letters(text) first.")
    codes = np.frombuffer(text.encode(), np.uint8)
    return np.where(codes == ord(" "), 0, codes - ord("a") + 1).astype(np.int64)


def to_text(ids: Iterable[int] | Int[np.ndarray, " N"]) -> str:
    """The letters of their numbers. ValueError for a number that none has."""
    ids = [int(i) for i in ids]
    if any(not 0 <= i < len(ALPHABET) for i in ids):
        raise ValueError(f"Numbers of letters are 0 to {len(ALPHABET) - 1}.")
    return "".join(ALPHABET[i] for i in ids)
