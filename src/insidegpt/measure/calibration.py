"""Whether a model that says 80 % is right in 80 of 100 cases.

Answers are put into bins of equal size by how sure the model was of them, and in each
the share of right answers is compared with what was promised. Page: code/evaluation.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Bin(NamedTuple):
    """Answers that a model was about equally sure of."""

    sure: float  # mean probability that it gave them
    right: float  # share of them that is right
    count: int


def reliability(
    sure: Sequence[float] | np.ndarray,
    right: Sequence[bool] | np.ndarray,
    *,
    bins: int = 10,
) -> list[Bin]:
    """The bins from the least sure answers to the surest; their sizes differ by one.

    Equal answers may fall into neighbouring bins, in the order given. Raises ValueError
    for probabilities outside 0 to 1, or fewer answers than bins.
    """
    sure, right = np.asarray(sure, float), np.asarray(right, float)
    if sure.shape != right.shape or not 1 <= bins <= len(sure):
        raise ValueError(
            f"{bins} bins need as many answers at least, each with a probability: "
            f"there are {len(right)} answers and {len(sure)} probabilities."
        )
    if not ((sure >= 0) & (sure <= 1)).all():
        raise ValueError("A probability is from 0 to 1.")
    order = np.argsort(sure, kind="stable")
    parts = np.array_split(order, bins)
    return [Bin(float(sure[p].mean()), float(right[p].mean()), len(p)) for p in parts]


def calibration_error(bins: Sequence[Bin]) -> float:
    """The mean distance of promise and truth, bins weighted by their answers.

    The expected calibration error of Naeini et al. 2015, with bins of equal mass
    (Nguyen and O'Connor 2015) instead of equal width.
    """
    total = sum(part.count for part in bins)
    return sum(abs(part.sure - part.right) * part.count for part in bins) / total


def error_by_luck(
    sure: Sequence[float] | np.ndarray,
    *,
    bins: int = 10,
    rounds: int = 200,
    seed: int = 0,
) -> float:
    """The mean calibration error of a model that keeps its promises exactly.

    It isn't zero: answers are right or wrong by chance, and the bins are finite.
    """
    sure, draw = np.asarray(sure, float), np.random.default_rng(seed)
    errors = [
        calibration_error(reliability(sure, draw.random(len(sure)) < sure, bins=bins))
        for _ in range(rounds)
    ]
    return float(np.mean(errors))
