"""Shannon's guessing game: how many guesses a letter takes, and what that says of bits.

Shannon 1951: if a second, identical guesser could be asked, the numbers of guesses
would be as good as the text, so that their entropy bounds the text's. Page:
concepts/language-models.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Bounds(NamedTuple):
    """Bits a letter, from shares of guess numbers."""

    lower: float  # valid for an ideal guesser alone
    upper: float  # valid for every guesser, once the shares are known well


def guess_numbers(
    probabilities: Float[np.ndarray, "N V"], truth: Int[np.ndarray, " N"]
) -> Int[np.ndarray, " N"]:
    """Which guess is right if the likeliest is tried first; ties go to the first id."""
    p = np.take_along_axis(probabilities, truth[:, None], 1)  # (N, 1)
    earlier = np.arange(probabilities.shape[1]) < truth[:, None]
    return 1 + ((probabilities > p) | ((probabilities == p) & earlier)).sum(1)


def shares(numbers: Sequence[int], *, choices: int) -> Float[np.ndarray, " V"]:
    """How often the first guess was right, the second, ..., as parts of 1."""
    numbers = np.asarray(numbers, int)
    if not len(numbers) or numbers.min() < 1 or numbers.max() > choices:
        raise ValueError(f"Guess numbers are from 1 to {choices}, and at least one.")
    return np.bincount(numbers - 1, minlength=choices) / len(numbers)


def bounds(shares: Float[np.ndarray, " V"]) -> Bounds:
    """Shannon 1951, equation 17: between which entropies the text's must lie."""
    q = np.asarray(shares, float)
    i = np.arange(1, len(q) + 1)
    steps = q - np.append(q[1:], 0)
    some = q[q > 0]
    upper = -(some * np.log2(some)).sum() + 0.0  # no zero with a sign
    return Bounds(float((i * steps * np.log2(i)).sum()), float(upper))
