"""One look for every figure: sizes, colours, and a few shapes of plot.

Colours are Okabe and Ito's, which survive colour blindness; heat maps use cividis.
In dark mode the stylesheet inverts lightness and keeps hue.
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

QUERY, KEY, VALUE = "#0072B2", "#D55E00", "#009E73"
TOKEN, RESIDUAL = "#56B4E9", "#CC79A7"
TRAIN, VALID = "#000000", "#E69F00"

STYLE = {
    "figure.dpi": 100,
    "savefig.dpi": 160,
    "font.size": 11,
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
    "lines.linewidth": 2,
    "image.cmap": "cividis",
    "savefig.bbox": "tight",
}


def figure(
    *, width: float = 6.4, height: float = 3.8, columns: int = 1
) -> tuple[Figure, Axes]:
    """A figure in the look of the book; sizes in inches, legible at 390 pixels."""
    with plt.rc_context(STYLE):
        fig, axes = plt.subplots(1, columns, figsize=(width, height), squeeze=False)
    plt.rcParams.update(STYLE)
    fig.set_layout_engine("constrained")
    return fig, axes[0, 0] if columns == 1 else axes[0]


def heat(
    ax: Axes,
    values,
    *,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    label: str = "",
    limits: tuple[float, float] | None = None,
) -> None:
    """A matrix as colours, with a scale; names on the axes where they are given."""
    low, high = limits or (None, None)
    image = ax.imshow(values, aspect="auto", vmin=low, vmax=high)
    ax.grid(False)
    for axis, names in ((ax.yaxis, rows), (ax.xaxis, columns)):
        if names is not None:
            axis.set_ticks(range(len(names)), names)
    ax.figure.colorbar(image, ax=ax, label=label)
