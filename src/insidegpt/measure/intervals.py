"""How far a score could be off: intervals for a share, a mean, and a difference.

All of them treat the questions as drawn at random from many more of their kind. What
else could have come out with another prompt or judge is in none of them. Miller 2024
recommends them for language models. Page: code/evaluation.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np


class Interval(NamedTuple):
    """An estimate and its bounds."""

    mean: float
    low: float
    high: float


def wilson(right: int, count: int, *, level: float = 0.95) -> Interval:
    """Of a share: all shares that would not make this result a rare one (Wilson 1927).

    Raises ValueError unless 0 <= right <= count and count > 0.
    """
    if not 0 <= right <= count or not count:
        raise ValueError(f"{right} of {count} is no share.")
    z2 = _z(level) ** 2
    share = right / count
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = math.sqrt(share * (1 - share) * z2 / count + (z2 / (2 * count)) ** 2)
    half /= 1 + z2 / count
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


def bootstrap(
    values: Sequence[float] | np.ndarray,
    *,
    groups: Sequence[object] | np.ndarray | None = None,
    level: float = 0.95,
    rounds: int = 2000,
    seed: int = 0,
) -> Interval:
    """Of a mean: quantiles of the means of samples drawn from the values themselves.

    groups: a name for each value; values of a group, such as questions about one text,
    are drawn together or not at all. Efron 1979.
    """
    values = np.asarray(values, float)
    if not len(values):
        raise ValueError("A mean needs one value at least.")
    if groups is None:
        groups = range(len(values))
    names = {name: place for place, name in enumerate(dict.fromkeys(groups))}
    member = np.array([names[name] for name in groups])
    sums = np.bincount(member, values)
    sizes = np.bincount(member)
    draw = np.random.default_rng(seed).integers(len(names), size=(rounds, len(names)))
    means = sums[draw].sum(1) / sizes[draw].sum(1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(values.mean()), float(low), float(high))


def paired_difference(
    first: Sequence[float] | np.ndarray,
    second: Sequence[float] | np.ndarray,
    *,
    groups: Sequence[object] | np.ndarray | None = None,
    level: float = 0.95,
    rounds: int = 2000,
    seed: int = 0,
) -> Interval:
    """Of the mean difference of two scores for the same questions: first - second.

    What makes a question easy for both is in neither difference. The rest is as in
    ``bootstrap``. Raises ValueError for lists of different lengths.
    """
    if len(first) != len(second):
        raise ValueError(
            f"A comparison in pairs needs two scores for each question, not "
            f"{len(first)} and {len(second)}."
        )
    apart = np.subtract(first, second, dtype=float)
    return bootstrap(apart, groups=groups, level=level, rounds=rounds, seed=seed)


def questions_needed(
    difference: float, deviation: float, *, level: float = 0.95, power: float = 0.8
) -> int:
    """How many questions show a true difference with probability ``power``.

    deviation: of one question's value or, for a comparison in pairs, of one question's
    difference. Miller 2024, equation 9, with one answer a question.
    """
    if not difference:
        raise ValueError("No number of questions shows a difference of zero.")
    both = _z(level) + NormalDist().inv_cdf(power)
    return math.ceil((both * deviation / difference) ** 2)


def _z(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)
