"""What the rest of the package asks of a tokenizer.

Two kinds answer: ``bpe.BPETokenizer``, whose every step can be read, and
``library.LibraryTokenizer``, for the kinds that we do not implement.
Page: algorithm/tokenization.
"""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable


@runtime_checkable
class Tokenizer(Protocol):
    """Text to ids and back, and what the files say about using them."""

    vocab_size: int  # V, special tokens included
    special: dict[str, int]  # names and ids that encode never makes from text
    chat_template: str | None  # in jinja; None if the model has none
    begin_ids: tuple[int, ...]  # what the model was trained to see before any text
    end_ids: tuple[int, ...]  # each of them ends a text or a turn

    def encode(self, text: str) -> list[int]:
        """Ids of ``text``, without ``begin_ids``. Names of special tokens are text."""
        ...

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ``ids``, names of special tokens included."""
        ...

    def token_bytes(self, token: int) -> bytes:
        """What one id adds to a text, in UTF-8; it may end inside a character."""
        ...


def check_token(token: int, vocab_size: int) -> None:
    """Raise ValueError unless ``token`` is an id."""
    if not 0 <= token < vocab_size:
        raise ValueError(
            f"There is no token {token}: ids of this tokenizer lie in "
            f"0..{vocab_size - 1}."
        )


def utf8(text: str) -> bytes:
    """The bytes of ``text``; ValueError if it is none."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"The text holds half a surrogate pair, {text[error.start]!r}, which "
            "is no character: decode it properly first."
        ) from error
