"""Figures: one look, legible where the page is narrow."""

from itertools import pairwise

import matplotlib
import pytest

matplotlib.use("Agg")

from matplotlib import pyplot as plt  # noqa: E402

from insidegpt.show import plots  # noqa: E402


def luminance(colour):
    """Relative luminance as WCAG 2 defines it."""
    channels = matplotlib.colors.to_rgb(colour)
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize(
    ("names", "apart"),
    [(("QUERY", "KEY", "VALUE"), 0.03), (("TRAIN", "VALID"), 0.3)],
)
def test_colours_that_are_compared_differ_in_grey_too(names, apart):
    greys = sorted(luminance(getattr(plots, name)) for name in names)
    assert min(b - a for a, b in pairwise(greys)) > apart


def test_a_figure_has_the_size_and_the_look():
    fig, ax = plots.figure(width=5, height=3)
    assert tuple(fig.get_size_inches()) == (5, 3)
    assert not ax.spines["top"].get_visible()
    _, axes = plots.figure(columns=2)
    assert len(axes) == 2
    plt.close("all")
