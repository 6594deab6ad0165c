"""pass@k: how often at least one of k answers is right.

Chen et al. 2021, equation 1. Page: code/verifiable-rewards.
"""

from collections.abc import Sequence
from math import comb


def pass_at_k(right: Sequence[int], *, drawn: int, k: int) -> float:
    """The mean over questions of 1 - C(drawn - right, k) / C(drawn, k).

    right: for each question, how many of its ``drawn`` answers are right. What is
    subtracted is the share of the choices of k answers in which all are wrong, so the
    estimate is unbiased, which 1 - (1 - right / drawn)^k is not. Raises ValueError for
    a k that is larger than the number of answers drawn.
    """
    if not 1 <= k <= drawn:
        raise ValueError(f"k must be from 1 to the {drawn} answers drawn, not {k}.")
    if not right or not all(0 <= c <= drawn for c in right):
        raise ValueError(f"Give for each question how many of its {drawn} are right.")
    missed = sum(comb(drawn - c, k) for c in right)
    return 1 - missed / (comb(drawn, k) * len(right))
