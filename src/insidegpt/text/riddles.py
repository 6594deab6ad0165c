"""Texts without meaning that need memory: recall, copying, parity.

A batch is a pure function of seed and number, as in ``text.batches``, and only the
answers in it count. Recall is that of Arora et al. 2024 (multi-query associative
recall), copying that of Jelassi et al. 2024. Page: concepts/transformer-or-rnn.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from insidegpt.text.batches import IGNORED, Batch

KEYS, VALUES, FILLERS = range(0, 32), range(32, 64), range(64, 79)
MARK = 79  # now copy
RIDDLE_TOKENS = 80  # size of the vocabulary
WINDOW = 64  # tokens that a text of ``recall_apart`` has at most


def recall(draw: np.random.Generator, rows: int, pairs: int, gap: int = 0) -> Batch:
    """Pairs of key and value, ``gap`` fillers, then every key again: its value?

    a 5 b 2 . . b 2 a 5: the model reads on and is asked at the second b and a.
    """
    if not 1 <= pairs <= len(KEYS):
        raise ValueError(f"pairs must lie in 1..{len(KEYS)}, not {pairs}.")
    everyone = np.tile(np.array(KEYS), (rows, 1))
    keys = draw.permuted(everyone, axis=1)[:, :pairs]
    values = draw.choice(np.array(VALUES), (rows, pairs))
    told = np.stack([keys, values], 2).reshape(rows, 2 * pairs)
    order = draw.permuted(np.tile(np.arange(pairs), (rows, 1)), axis=1)
    asked = np.stack(
        [np.take_along_axis(part, order, 1) for part in (keys, values)], 2
    ).reshape(rows, 2 * pairs)
    between = draw.choice(np.array(FILLERS), (rows, gap))
    text = np.concatenate([told, between, asked], 1)
    return _batch(text, counts=np.arange(2 * pairs + gap, text.shape[1], 2))


def recall_apart(draw: np.random.Generator, rows: int, pairs: int) -> Batch:
    """Recall with a gap that each batch draws, as large as WINDOW allows."""
    room = WINDOW - 4 * pairs
    if room < 0:
        raise ValueError(
            f"{WINDOW} tokens have room for at most {WINDOW // 4} pairs, not {pairs}."
        )
    return recall(draw, rows, pairs, int(draw.integers(room + 1)))


def copying(draw: np.random.Generator, rows: int, length: int) -> Batch:
    """Random letters, a mark, and the letters again, each of which is asked."""
    if length < 1:
        raise ValueError(f"length must be at least 1, not {length}.")
    letters = draw.choice(np.array(KEYS), (rows, length))
    text = np.concatenate([letters, np.full((rows, 1), MARK), letters], 1)
    return _batch(text, counts=np.arange(length, 2 * length))


def parity(draw: np.random.Generator, rows: int, length: int) -> Batch:
    """Zeros and ones; after each: is the number of ones so far even or odd?"""
    bits, odd = _bits(draw, rows, length)
    return Batch(torch.from_numpy(bits), torch.from_numpy(odd))


def parity_aloud(draw: np.random.Generator, rows: int, length: int) -> Batch:
    """The same, and each answer is written into the text before the next bit.

    Answers have tokens of their own, ``VALUES[0]`` and ``VALUES[1]``.
    """
    bits, odd = _bits(draw, rows, length)
    text = np.stack([bits, odd + VALUES[0]], 2).reshape(rows, 2 * length)
    return _batch(text, counts=np.arange(0, 2 * length, 2))


class Riddles:
    """Batches of riddles of several sizes, each a function of its number.

    task: draws a batch, given rows and a size; sizes: what is drawn from, evenly.
    """

    def __init__(
        self,
        task: Callable[[np.random.Generator, int, int], Batch],
        *,
        sizes: Sequence[int],
        rows: int,
        seed: int = 0,
    ) -> None:
        if not sizes:
            raise ValueError("There are no sizes to draw from: give one at least.")
        self.task, self.sizes, self.rows, self.seed = task, sizes, rows, seed

    def __getitem__(self, number: int) -> Batch:
        draw = np.random.default_rng((self.seed, number))
        size = int(draw.choice(np.array(self.sizes)))
        return self.task(draw, self.rows, size)


def share_right(logits: torch.Tensor, batch: Batch) -> float:
    """How many of the answers that count are the likeliest token."""
    counts = batch.targets != IGNORED
    right = logits.argmax(-1)[counts] == batch.targets[counts]
    return right.double().mean().item()


def _bits(draw: np.random.Generator, rows: int, length: int):
    if length < 1:
        raise ValueError(f"length must be at least 1, not {length}.")
    bits = draw.integers(0, 2, (rows, length))
    return bits, bits.cumsum(1) % 2


def _batch(text: np.ndarray, *, counts: np.ndarray) -> Batch:
    """Next-token targets at the positions that count, and nowhere else."""
    text = torch.from_numpy(text)
    targets = torch.full_like(text[:, 1:], IGNORED)
    targets[:, counts] = text[:, counts + 1]
    return Batch(text[:, :-1], targets)
