"""Next-token batches of a long text, each a pure function of its number.

Since batch 1,000 needs no batch before it, training goes on where it was by asking
for the next number, and two machines share a text by taking every second one. Page:
code/pretraining.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from insidegpt.files.replace import replace
from insidegpt.text.interface import Tokenizer

IGNORED = -100  # a target that counts for nothing: padding, or what a user said


class Batch(NamedTuple):
    """Texts, and at each position the token that is to be predicted there."""

    ids: Int[Tensor, "B T"]
    targets: Int[Tensor, "B T"]  # IGNORED where nothing is to be learnt

    def to(self, device: torch.device | str) -> "Batch":
        """The same on another device."""
        return Batch(self.ids.to(device), self.targets.to(device))


class Batches:
    """Batches of windows of a text, in an order of their own in each epoch.

    tokens: ids, in memory or mapped. An epoch cuts the text into windows of
    ``context_tokens`` targets, beginning anywhere in the first, and reads each once.
    Raises ValueError where the text is shorter than one window.
    """

    def __init__(
        self, tokens: np.ndarray, *, context_tokens: int, rows: int, seed: int = 0
    ) -> None:
        if len(tokens) <= context_tokens:
            raise ValueError(
                f"A text of {len(tokens)} tokens is too short for a context of "
                f"{context_tokens}: give more text, or a shorter context."
            )
        self.tokens, self.length, self.rows = tokens, context_tokens, rows
        self.seed = seed
        # Windows that fit wherever the first of them begins.
        self.windows = max(1, len(tokens) // context_tokens - 1)
        self._epoch: tuple[int, np.ndarray] = (-1, np.empty(0, int))

    def __getitem__(self, number: int) -> Batch:
        places = range(number * self.rows, (number + 1) * self.rows)
        starts = [self._start(place) for place in places]
        rows = [self.tokens[s : s + self.length + 1].astype(np.int64) for s in starts]
        text = torch.from_numpy(np.stack(rows))
        return Batch(text[:, :-1], text[:, 1:])

    @property
    def tokens_per_batch(self) -> int:
        """Targets in each."""
        return self.rows * self.length

    def _start(self, place: int) -> int:
        """Where the window begins that is read at this place of all epochs together."""
        epoch, window = divmod(place, self.windows)
        if epoch != self._epoch[0]:
            draw = np.random.default_rng((self.seed, epoch))
            spare = len(self.tokens) - 1 - self.windows * self.length
            first = draw.integers(min(spare, self.length) + 1)
            starts = first + self.length * draw.permutation(self.windows)
            self._epoch = (epoch, starts)
        return int(self._epoch[1][window])


def tokenize(tokenizer: Tokenizer, texts: Iterable[str], *, end: int) -> np.ndarray:
    """Ids of all texts in a row, the token ``end`` after each; 16 bits if they do."""
    wide = np.uint16 if tokenizer.vocab_size <= 2**16 else np.uint32
    rows = [np.array([*tokenizer.encode(text), end], wide) for text in texts]
    if not rows:
        raise ValueError("There is no text to train on.")
    return np.concatenate(rows)


def save_tokens(tokens: np.ndarray, path: Path) -> None:
    """Write ids as an ``.npy`` file, whole or not at all."""

    def write(unfinished: Path) -> None:
        with open(unfinished, "wb") as file:
            np.save(file, tokens, allow_pickle=False)

    replace(path, write)


def load_tokens(path: Path) -> np.ndarray:
    """Ids that ``save_tokens`` wrote, mapped: only what is read comes into memory."""
    return np.load(path, mmap_mode="r", allow_pickle=False)
