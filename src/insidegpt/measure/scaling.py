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
            """Of the cost in log N, as a share of its two parts: 6 N D and 2 N S."""
            n = math.exp(log_n)
            d = self.tokens_for(loss, n)
            part = self.A / n**self.alpha
            gain = self.alpha * part / (self.beta * (loss - self.E - part))  # -dlnD/dlnN
            return FLOPS * d * (1 - gain) + 2 * served

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
    log_n, log_d, target = np.log(runs.parameters), np.log(runs.tokens), np.log(runs.loss)

    def residuals(x):
        terms = np.stack([0 * log_n + x[0], x[1] - x[2] * log_n, x[3] - x[4] * log_d])
        return np.logaddexp.reduce(terms, axis=0) - target

    def jacobian(x):
        terms = np.stack([0 * log_n + x[0], x[1] - x[2] * log_n, x[3] - x[4] * log_d])
        share = np.exp(terms - np.logaddexp.reduce(terms, axis=0))
        columns = (share[0], share[1], -share[1] * log_n, share[2], -share[2] * log_d)
        return np.stack(columns, axis=1)

    robust = {"loss": "huber", "f_scale": delta, "x_scale": "jac", "max_nfev": 500}
    bounds = ([-20, -20, 0.01, -20, 0.01], [5, 60, 3, 60, 3])
    starts = [start] if start else [_linear(runs, a, b) for a in STARTS for b in STARTS]
    found = []
    for law in starts:
        x = [math.log(law.E), math.log(law.A), law.alpha, math.log(law.B), law.beta]
        x = np.clip(x, np.array(bounds[0]) + 1e-6, np.array(bounds[1]) - 1e-6)
        found.append(least_squares(residuals, x, jacobian, bounds=bounds, **robust))
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
