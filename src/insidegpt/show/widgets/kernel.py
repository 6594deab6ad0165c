"""The view of kernel regression: readings, a query, and how far it looks."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from insidegpt.show import plots
from insidegpt.show.view import View

WIDTHS = (0.1, 0.2, 0.5, 1, 2, 3, 5, 8, 15, 40, 100)  # hours
STEP = 0.5  # hours, between places of the query


def mixture(
    query: Float[Tensor, " T"],
    keys: Float[Tensor, " S"],
    values: Float[Tensor, " S"],
    *,
    width: float,
) -> Float[Tensor, " T"]:
    """The values mixed by a Gaussian of their keys' distance from each query."""
    apart = query[:, None] - keys  # (T, S)
    return (-apart.square() / (2 * width**2)).softmax(-1) @ values


def kernel_view(
    keys: Sequence[float],
    values: Sequence[float],
    *,
    query: float,
    width: float,
    title: str,
    caption: str,
    alt: str,
) -> View:
    """Readings to look at from a query that can be moved. keys: hours of a day.

    width: how far the query looks at first, one of ``WIDTHS``; ValueError otherwise.
    """
    if width not in WIDTHS:
        raise ValueError(f"The width must be one of {WIDTHS}, not {width}.")
    low, high = 4 * (int(min(keys)) // 4), 4 * -(-int(max(keys) + 1) // 4)
    data = {
        "keys": list(keys),
        "values": list(values),
        "low": low,
        "high": high,
        "step": STEP,
        "widths": list(WIDTHS),
        "query": query,
        "width": WIDTHS.index(width),
    }
    at = torch.linspace(low, high, 97, dtype=torch.float64)
    k, v = (torch.tensor(row, dtype=torch.float64) for row in (keys, values))

    def paint(ax: Axes) -> None:
        ax.scatter(k, v, color=plots.VALUE)
        ax.plot(at, mixture(at, k, v, width=width), color=plots.QUERY)
        ax.set(xlabel="hour", ylabel="degrees Celsius")

    fallback, _ = plots.pictures(paint, alt=alt, height=240)
    words = {"title": title, "caption": caption, "alt": alt, "fallback": fallback}
    return View("kernel", data, **words)
