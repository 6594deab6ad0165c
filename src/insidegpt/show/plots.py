"""One look for every figure: sizes and colours.

Colours are Okabe and Ito's, which survive colour blindness.
In dark mode the stylesheet inverts lightness and keeps hue.
"""

import matplotlib.pyplot as plt
import numpy as np
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
    "savefig.bbox": "tight",
}


def figure(
    *, width: float = 6.4, height: float = 3.8, columns: int = 1
) -> tuple[Figure, Axes | np.ndarray]:
    """A figure in the book's look and its Axes, one or several; sizes in inches.

    The look stays set: a notebook draws its figures only when a cell has ended.
    """
    plt.rcParams.update(STYLE)
    fig, axes = plt.subplots(1, columns, figsize=(width, height), squeeze=False)
    fig.set_layout_engine("constrained")
    return fig, axes[0, 0] if columns == 1 else axes[0]
