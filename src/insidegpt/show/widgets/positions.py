"""The view of rotary positions: a query and a key that turn, pair by pair."""

import math

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from insidegpt.show import plots
from insidegpt.show.view import View


def positions_view(
    frequencies: Float[Tensor, " half"],
    *,
    query: int = 5,
    key: int = 2,
    pair: int = 0,
    longest: int = 60,
    title: str = "",
    caption: str,
    alt: str,
) -> View:
    """A query and a key that turn with their positions, and the score that is left.

    frequencies: radians per position of each pair of a head.
    """
    turns = frequencies.tolist()

    def paint(dial: Axes, curve: Axes) -> None:
        for place, colour, name in (
            (query, plots.QUERY, "query"),
            (key, plots.KEY, "key"),
        ):
            x, y = math.cos(place * turns[pair]), math.sin(place * turns[pair])
            dial.plot([0, x], [0, y], color=colour, lw=3)
            dial.text(1.2 * x, 1.2 * y, name, color=colour, ha="center", va="center")
        dial.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal")
        dial.axis("off")
        apart = np.linspace(0, longest, 4 * longest + 1)
        curve.plot(apart, np.cos(apart * turns[pair]), color=plots.INK)
        mean = np.cos(np.outer(apart, turns)).mean(1)
        curve.plot(apart, mean, color=plots.MUTED, lw=1)
        curve.set(xlabel="tokens apart", ylabel="score", ylim=(-1.05, 1.05))

    fallback, _ = plots.pictures(
        paint, alt=alt, panels=2, height=260, narrow_height=460
    )
    data = {"frequencies": [float(f"{f:.10g}") for f in turns], "query": query}
    data |= {"key": key, "pair": pair, "longest": longest}
    words = {"title": title, "caption": caption, "alt": alt, "fallback": fallback}
    return View("positions", data, **words)
