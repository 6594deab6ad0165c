"""Timing in pairs: ours and theirs by turns in one run, because machines are noisy."""

import statistics
import time
from collections.abc import Callable


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(
    ours: Callable[[], object], theirs: Callable[[], object], *, rounds: int
) -> tuple[float, float, float]:
    """Median seconds of each, and the median over the rounds of theirs / ours.

    The order changes every round, so that neither always runs on a warmer machine.
    """
    pairs = []
    for number in range(rounds):
        if number % 2:
            other, own = seconds(theirs), seconds(ours)
        else:
            own, other = seconds(ours), seconds(theirs)
        pairs.append((own, other))
    return (
        statistics.median(own for own, _ in pairs),
        statistics.median(other for _, other in pairs),
        statistics.median(other / own for own, other in pairs),
    )
