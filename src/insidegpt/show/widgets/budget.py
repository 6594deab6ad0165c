"""The view of a compute budget: curves of equal cost, and the best point of each."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from insidegpt.measure.scaling import FLOPS, Law
from insidegpt.show import plots
from insidegpt.show.view import View

SIZES = (3, 12)  # the axis: decimal logarithms of the parameters
LOSSES = (1.0, 20.0)  # the other axis
BUDGETS = (10, 26)  # the slider: decimal logarithms of FLOPs


class Fitted(NamedTuple):
    """A law, and what it was fitted to."""

    name: str
    law: Law
    least: float  # FLOPs of the cheapest training
    most: float  # and of the dearest
    runs: Sequence[tuple[float, float, float]] = ()  # N, D and loss, to be shown


def isoflop(
    law: Law, flops: float, sizes: Float[np.ndarray, " S"]
) -> Float[np.ndarray, " S"]:
    """Losses of models of several sizes, each trained for the same FLOPs."""
    return law.loss(sizes, flops / FLOPS / sizes)


def budget_view(
    laws: Sequence[Fitted],
    *,
    flops: float,
    marks: Mapping[str, float],
    machines: Mapping[str, float],
    title: str,
    caption: str,
    alt: str,
) -> View:
    """Laws to ask for the best N and D of a budget, beginning with one of ``flops``.

    marks: budgets with a name. machines: FLOPs a second that one of them does.
    Raises ValueError for a budget that the slider doesn't have.
    """
    for name, budget in {"the first": flops, **marks}.items():
        if not 10 ** BUDGETS[0] <= budget <= 10 ** BUDGETS[1]:
            raise ValueError(f"{name}: {budget} is not between 1e10 and 1e26 FLOPs.")
    data = {
        "laws": [_plain(fitted) for fitted in laws],
        "marks": [{"name": n, "flops": float(f)} for n, f in marks.items()],
        "machines": [{"name": n, "speed": float(s)} for n, s in machines.items()],
        "sizes": list(SIZES),
        "losses": list(LOSSES),
        "budgets": list(BUDGETS),
        "flops": float(flops),
    }

    def paint(ax: Axes) -> None:
        law, best = laws[0].law, laws[0].law.optimum(flops)
        sizes = np.geomspace(best.parameters / 100, best.parameters * 100, 60)
        ax.plot(sizes, isoflop(law, flops, sizes), color=plots.QUERY)
        ax.scatter(best.parameters, law.loss(*best), color=plots.QUERY)
        ax.set(xscale="log", xlabel="parameters", ylabel="loss, nats a token")

    fallback, _ = plots.pictures(paint, alt=alt, height=240)
    words = {"title": title, "caption": caption, "alt": alt, "fallback": fallback}
    return View("budget", data, **words)


def _plain(fitted: Fitted) -> dict:
    """A law as the script takes it, rounded to what matters."""
    numbers = {k: float(f"{v:.6g}") for k, v in fitted.law._asdict().items()}
    runs = [[float(f"{x:.5g}") for x in run] for run in fitted.runs]
    ends = {"least": float(fitted.least), "most": float(fitted.most)}
    return {"name": fitted.name, **numbers, **ends, "runs": runs}
