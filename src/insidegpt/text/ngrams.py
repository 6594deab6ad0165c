"""A language model that only counts: what followed the last few letters, how often.

Interpolated Kneser-Ney (Kneser and Ney 1995, in the form of Chen and Goodman 1999,
section 2.8): every count gives up a part of itself, and what a context saves that way
is spent as the shorter context says. Deviation: one discount an order, not three. Ids
may be letters, bytes, words. Page: concepts/language-models.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Table(NamedTuple):
    """Runs of n ids, written as one number of n digits each, and sorted."""

    runs: Int[np.ndarray, " R"]  # of n ids
    counts: Int[np.ndarray, " R"]
    contexts: Int[np.ndarray, " S"]  # the runs without their last id
    totals: Int[np.ndarray, " S"]  # sums of a context's counts
    kinds: Int[np.ndarray, " S"]  # how many different ids follow it
    discount: float  # what a count gives up


@dataclass(frozen=True)
class NGrams:
    """Tables for runs of 1, 2, ..., ``order`` ids."""

    vocab_size: int  # V, digits of the numbers
    tables: tuple[Table, ...]

    @property
    def order(self) -> int:
        """n, ids in the longest runs."""
        return len(self.tables)

    @property
    def parameters(self) -> int:
        """Counts that are kept, of all tables."""
        return sum(len(table.runs) for table in self.tables)


def count_runs(
    ids: Int[np.ndarray, " N"],
    *,
    order: int,
    vocab_size: int,
    discount: float | None = None,
) -> NGrams:
    """Count a text. discount: of all tables, 0 to 1; None: estimated for each.

    The longest runs are counted as they occur. A shorter one counts once for each id
    that it occurs after: *he* is often, but after the letter *t* alone, and says little
    where something else came before. Raises ValueError for runs that are too long for
    64 bits, and for a text that is shorter than one.
    """
    if order < 1 or vocab_size**order >= 2**63:
        raise ValueError(f"Runs of {order} ids out of {vocab_size} don't fit 64 bits.")
    if len(ids) < order:
        raise ValueError(f"A text of {len(ids)} ids has no run of {order}.")
    if ids.min() < 0 or ids.max() >= vocab_size:
        raise ValueError(f"Ids must be from 0 to {vocab_size - 1}.")
    runs, counts = np.unique(numbers(ids, order, vocab_size), return_counts=True)
    tables = [make_table(runs, counts, vocab_size, discount)]
    for n in range(order - 1, 0, -1):
        longer = np.unique(numbers(ids, n + 1, vocab_size))
        runs, counts = np.unique(longer % vocab_size**n, return_counts=True)
        tables.append(make_table(runs, counts, vocab_size, discount))
    return NGrams(vocab_size, tuple(reversed(tables)))


def make_table(
    runs: Int[np.ndarray, " R"],
    counts: Int[np.ndarray, " R"],
    vocab_size: int,
    discount: float | None,
) -> Table:
    """Sum up what follows each context. Runs of one context are neighbours."""
    contexts, first, kinds = np.unique(
        runs // vocab_size, return_index=True, return_counts=True
    )
    if discount is None:  # Ney, Essen and Kneser 1994: n1 / (n1 + 2 n2)
        once, twice = (counts == 1).sum(), (counts == 2).sum()
        discount = float(once / (once + 2 * twice)) if once else 0.5
    totals = np.add.reduceat(counts, first)
    return Table(runs, counts, contexts, totals, kinds, discount)


def probabilities(
    model: NGrams, runs: Int[np.ndarray, "*B R N"]
) -> Float[np.ndarray, "*B R"]:
    """Probability of the last id of each run after the others in it.

    It begins as 1 / V and is made more particular by every table whose context was
    seen. Runs may be shorter than the model's, and what is longer is not looked at.
    """
    V = model.vocab_size
    p = np.full(runs.shape[:-1], 1 / V)
    for n, table in enumerate(model.tables[: runs.shape[-1]], 1):
        run = as_number(runs[..., -n:], V)
        c = look_up(table.runs, table.counts, run)
        total = look_up(table.contexts, table.totals, run // V)
        kinds = look_up(table.contexts, table.kinds, run // V)
        spared = table.discount * kinds * p
        mixed = (np.maximum(c - table.discount, 0) + spared) / np.maximum(total, 1)
        p = np.where(total > 0, mixed, p)
    return p


def text_probabilities(
    model: NGrams, ids: Int[np.ndarray, " N"]
) -> Float[np.ndarray, " N"]:
    """Probability of each id of a text after those before it; 0 before the first."""
    padded = np.concatenate([np.zeros(model.order - 1, ids.dtype), ids])
    windows = np.lib.stride_tricks.sliding_window_view(padded, model.order)
    return probabilities(model, windows)


def distributions(
    model: NGrams, contexts: Int[np.ndarray, "*B T"]
) -> Float[np.ndarray, "*B V"]:
    """Probability of every id after each context."""
    V, shape = model.vocab_size, contexts.shape
    before = np.broadcast_to(contexts[..., None, :], (*shape[:-1], V, shape[-1]))
    last = np.broadcast_to(np.arange(V)[:, None], (*shape[:-1], V, 1))
    return probabilities(model, np.concatenate([before, last], -1))


def seen(model: NGrams, ids: Int[np.ndarray, " N"], n: int) -> float:
    """The share of a text's runs of n ids that the model has counted."""
    table, asked = model.tables[n - 1], numbers(ids, n, model.vocab_size)
    found = look_up(table.runs, table.counts, asked)
    return float((found > 0).mean())


def numbers(
    ids: Int[np.ndarray, " N"], n: int, vocab_size: int
) -> Int[np.ndarray, " runs"]:
    """Every run of n ids of a text as a number."""
    windows = np.lib.stride_tricks.sliding_window_view(ids, n)
    return as_number(windows, vocab_size)


def as_number(
    runs: Int[np.ndarray, "*B R n"], vocab_size: int
) -> Int[np.ndarray, "*B R"]:
    """Ids as the digits of one number."""
    number = np.zeros(runs.shape[:-1], np.int64)
    for place in range(runs.shape[-1]):
        number = number * vocab_size + runs[..., place]
    return number


def look_up(
    keys: Int[np.ndarray, " R"], values: Int[np.ndarray, " R"], asked: np.ndarray
) -> np.ndarray:
    """The value of each key that is asked for, 0 for unknown ones; keys are sorted."""
    place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[place] == asked, values[place], 0)
