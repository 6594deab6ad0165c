"""Figures: one look, legible where the page is narrow."""

import matplotlib

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


def test_queries_keys_and_values_differ_in_grey_too():
    greys = sorted(map(luminance, (plots.QUERY, plots.VALUE, plots.VALID, plots.TRAIN)))
    assert all(b - a > 0.05 for a, b in zip(greys, greys[1:], strict=False))


def test_a_figure_has_the_size_and_the_look():
    fig, ax = plots.figure(width=5, height=3)
    assert tuple(fig.get_size_inches()) == (5, 3)
    assert not ax.spines["top"].get_visible()
    _, axes = plots.figure(columns=2)
    assert len(axes) == 2
    plt.close("all")
