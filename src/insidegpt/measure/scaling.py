"""A law of the loss: what a model of N parameters reaches with D tokens.

    L(N, D) = E + A / N^alpha + B / D^beta

Hoffmann et al. 2022, section 3.3: E is the loss that remains with everything, the other
terms what is lost to a small model and to little text. Page: math/scaling-laws.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq, least_squares, nnls

STARTS = (0.15, 0.4, 0.9)  # exponents from which the fit sets out
# Of log E, log A, alpha, log B and beta: wide, and no term that grows.
BOUNDS = np.array([[-20, -20, 0.01, -20, 0.01], [5, 60, 3, 60, 3]])
FLOPS = 6  # a parameter and token of training


class Law(NamedTuple):
    """Five numbers; nats a token."""

    E: float
    A: float
    alpha: float
    B: float
    beta: float

    def loss(self, parameters, tokens):
        """What the law expects of a training; of numbers, or of arrays of them."""
        return self.E + self.A / parameters**self.alpha + self.B / tokens**self.beta

    def optimum(self, flops: float, *, each: float = FLOPS) -> "Plan":
        """The best N and D that ``each`` N D = flops allows (their equation 4).

        Where the law is lowest, alpha A / N^alpha = beta B / D^beta: a per cent more of
        either would be worth the same.
        """
        both = self.alpha + self.beta
        shift = (self.alpha * self.A / (self.beta * self.B)) ** (1 / both)
        parameters = shift * (flops / each) ** (self.beta / both)
        return Plan(parameters, flops / each / parameters)

    def tokens_for(self, loss: float, parameters: float) -> float:
        """How much text brings a model to a loss; infinite if none does."""
        rest = loss - self.E - self.A / parameters**self.alpha
        return (self.B / rest) ** (1 / self.beta) if rest > 0 else math.inf

    def cheapest(self, loss: float, served: float) -> "Plan":
        """The N and D that reach a loss at the least cost of training and serving.

        6 N D to train and 2 N for each of the ``served`` tokens (Sardana et al. 2024).
        Raises ValueError for a loss that the law never reaches.
        """
        if loss <= self.E:
            raise ValueError(f"No model reaches {loss}: this law ends at {self.E:.3f}.")
        least = (self.A / (loss - self.E)) ** (1 / self.alpha)  # with endless text

        def slope(log_n: float) -> float:
            """How fast 6 N D + 2 N served grows with log N, for each parameter."""
            n = math.exp(log_n)
            small = self.A / n**self.alpha  # what is lost to the model's size
            text = loss - self.E - small  # what may be lost to the text's
            saved = self.alpha * small / (self.beta * text)  # of D, in %, by 1 % of N
            return FLOPS * self.tokens_for(loss, n) * (1 - saved) + 2 * served

        low = math.log(least)
        n = math.exp(brentq(slope, low + 1e-6, low + 60))
        return Plan(n, self.tokens_for(loss, n))


class Plan(NamedTuple):
    """A training to be done."""

    parameters: float
    tokens: float


# Published fits: of models from 70 million to 16 billion parameters, N all of them.
CHINCHILLA = Law(1.69, 406.4, 0.34, 410.7, 0.28)  # Hoffmann et al. 2022, equation 10
REPLICATED = Law(1.8172, 482.01, 0.3478, 2085.43, 0.3658)  # Besiroglu et al. 2024


class Runs(NamedTuple):
    """What was trained, an entry each. group: runs that share a start and a text."""

    parameters: Float[np.ndarray, " runs"]
    tokens: Float[np.ndarray, " runs"]
    loss: Float[np.ndarray, " runs"]
    group: Sequence[tuple]

    def where(self, keep: Sequence[bool] | np.ndarray) -> "Runs":
        """Some of the runs."""
        places = np.flatnonzero(np.asarray(keep))
        return self.take(places)

    def take(self, places: Sequence[int] | np.ndarray) -> "Runs":
        """The runs at these places, a place as often as it is named."""
        columns = (self.parameters[places], self.tokens[places], self.loss[places])
        return Runs(*columns, [self.group[place] for place in places])


def fit(runs: Runs, *, delta: float = 1e-3, start: Law | None = None) -> Law:
    """The law with the least Huber loss of log L, as Hoffmann et al. fit theirs.

    delta: a run that is off by more than this share counts by its distance and not by
    its square. start: a law to set out from, and from nothing else. Raises ValueError
    for fewer than five runs, which any law of five numbers fits.
    """
    if len(runs.loss) < 5:
        raise ValueError(f"Five numbers can't be found from {len(runs.loss)} runs.")
    n, d, target = (np.log(column) for column in runs[:3])

    def terms(x):  # logarithms of the law's three
        e, a, alpha, b, beta = x
        return np.stack([np.full_like(n, e), a - alpha * n, b - beta * d])

    def distance(x):
        return np.logaddexp.reduce(terms(x)) - target

    def slopes(x):
        rows = terms(x)
        E, A, B = np.exp(rows - np.logaddexp.reduce(rows))  # their shares of the loss
        return np.stack([E, A, -n * A, B, -d * B], axis=1)

    settings = {"jac": slopes, "loss": "huber", "f_scale": delta, "bounds": BOUNDS}
    settings |= dict.fromkeys(("xtol", "ftol", "gtol"), 1e-11)
    starts = [start] if start else [_linear(runs, a, b) for a in STARTS for b in STARTS]
    found = []
    for law in starts:
        x = math.log(law.E), math.log(law.A), law.alpha, math.log(law.B), law.beta
        inside = np.clip(x, BOUNDS[0] + 1e-6, BOUNDS[1] - 1e-6)
        found.append(least_squares(distance, inside, x_scale="jac", **settings))
    e, a, alpha, b, beta = min(found, key=lambda result: result.cost).x
    return Law(math.exp(e), math.exp(a), float(alpha), math.exp(b), float(beta))


def _linear(runs: Runs, alpha: float, beta: float) -> Law:
    """The best E, A and B for given exponents: least squares, nothing below zero."""
    columns = [np.ones_like(runs.loss), runs.parameters**-alpha, runs.tokens**-beta]
    sizes = [column.max() for column in columns]
    table = np.stack([c / s for c, s in zip(columns, sizes, strict=True)], axis=1)
    E, A, B = np.maximum(nnls(table, runs.loss)[0], 1e-3) / sizes
    return Law(E, A, alpha, B, beta)


def resampled(runs: Runs, *, rounds: int, seed: int = 0) -> list[Law]:
    """Laws fitted to the runs drawn anew, group by group, with replacement.

    Runs of a group share their beginning, so that they are drawn together or not at
    all (Efron 1979; a cluster bootstrap). How much the laws differ is how little the
    runs determine them.
    """
    draw = np.random.default_rng(seed)
    names = sorted(set(runs.group))
    members = [[i for i, g in enumerate(runs.group) if g == name] for name in names]
    best, laws = fit(runs), []
    for _ in range(rounds):
        drawn = draw.integers(len(names), size=len(names))
        places = [place for group in drawn for place in members[group]]
        laws.append(fit(runs.take(places), start=best))
    return laws


def forecast(
    runs: Runs, laws: Sequence[Law], plan: Plan, *, seed: int = 0
) -> Float[np.ndarray, " laws"]:
    """Losses that one training may end with, in order; of its quantiles an interval.

    Each law's own expectation, off by the share by which some run is off the fit: what
    isn't known of the law, and what a law doesn't say.
    """
    best, draw = fit(runs), np.random.default_rng(seed)
    off = runs.loss / best.loss(runs.parameters, runs.tokens)
    expected = np.array([law.loss(*plan) for law in laws])
    return np.sort(expected * draw.choice(off, size=len(laws)))
