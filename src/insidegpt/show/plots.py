"""One look for every figure: an SVG with real text, drawn twice, wide and for a phone.

draw(paint, caption="What it shows.", alt="What one would see.")
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from insidegpt.show.svg import (
    GRID,
    INK,
    KEY,
    MUTED,
    QUERY,
    RESIDUAL,
    TOKEN,
    TRAIN,
    VALID,
    VALUE,
    caption_html,
    describe,
    svg,
)

__all__ = ["KEY", "QUERY", "RESIDUAL", "TOKEN", "TRAIN", "VALID", "VALUE", "Rectangle"]
__all__ += ["INK", "MUTED", "Drawing", "draw", "pictures", "table"]

WIDE_PX, NARROW_PX = 660, 350
STYLE = {
    "font.family": "DejaVu Sans",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "svg.fonttype": "none",
    "axes.facecolor": "none",
    "axes.prop_cycle": matplotlib.cycler(color=[QUERY, KEY, VALUE, RESIDUAL, VALID]),
}
Paint = Callable[..., None]  # takes the Axes, one or several, and draws on them


class Drawing:
    """A figure of the book: HTML for a page and for a kernel, a digest for tests."""

    def __init__(self, markup: str, digest: str) -> None:
        self.markup, self.digest = markup, digest

    def __repr__(self) -> str:
        return self.digest

    def _repr_html_(self) -> str:
        return self.markup


def draw(paint: Paint, *, caption: str, alt: str, **layout: int) -> Drawing:
    """A figure in the book's look.

    paint: called with the Axes, twice, and draws on them. caption: the finding first.
    alt: what a reader who can't see it needs. layout: as ``pictures`` takes it.
    """
    drawn, digest = pictures(paint, alt=alt, **layout)
    words = f"<figcaption>{caption_html(caption)}</figcaption>"
    return Drawing(f'<figure class="ig-figure">{drawn}{words}</figure>', digest)


def pictures(
    paint: Paint,
    *,
    alt: str,
    height: int = 340,
    narrow_height: int | None = None,
    panels: int = 1,
    columns: int | None = None,
    narrow_columns: int = 1,
) -> tuple[str, str]:
    """HTML of both renderings, of which a stylesheet shows one, and their digest.

    panels: how many Axes there are. columns: how many of them side by side, all if not
    given; narrow_columns: on a phone. Heights in CSS pixels, of all rows together.
    """
    columns = columns or panels
    tall = narrow_height or height * -(-panels // narrow_columns)
    wide, narrow = (WIDE_PX, height, columns), (NARROW_PX, tall, narrow_columns)
    parts, digest = [], ""
    for name, (width, pixels, across) in {"wide": wide, "narrow": narrow}.items():
        grid, font = (-(-panels // across), across), 13 if name == "wide" else 12
        with matplotlib.rc_context(STYLE | {"font.size": font}):
            fig = Figure(figsize=(width / 72, pixels / 72), layout="constrained")
            axes = list(fig.subplots(*grid, squeeze=False).flat)
            for spare in axes[panels:]:
                spare.remove()
            paint(*axes[:panels])
            salt = hashlib.sha256(f"{name} {alt}".encode()).hexdigest()[:8]
            parts.append(f'<div class="ig-{name}">{svg(fig, alt, salt)}</div>')
        digest = digest or describe(axes[:panels])
    return "".join(parts), digest


def table(
    ax: Axes,
    numbers: Any,
    *,
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    colour: str = INK,
) -> None:
    """A small matrix with its numbers, to follow by hand; names left and above."""
    numbers = np.asarray(numbers)
    for t, row in enumerate(numbers):
        for s, number in enumerate(row):
            box = Rectangle((s, t), 1, 1, fill=False, edgecolor=colour, lw=1)
            ax.add_patch(box)
            ax.text(
                s + 0.5,
                t + 0.5,
                f"{number:.2f}".rstrip("0").rstrip("."),
                ha="center",
                va="center",
            )
        ax.text(-0.15, t + 0.5, rows[t], ha="right", va="center", color=MUTED)
    for s, name in enumerate(columns):
        ax.text(s + 0.5, -0.1, name, ha="center", va="bottom", color=MUTED)
    ax.set_title(title, color=colour, loc="center")
    ax.set(xlim=(-0.1, numbers.shape[1] + 0.1), ylim=(len(numbers) + 0.1, -0.6))
    ax.axis("off")
