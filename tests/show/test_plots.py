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


@pytest.mark.slow
def test_figures_appear_in_every_cell_of_a_notebook():
    """A cell of one figure, run twice, one of three columns, and the reader's own."""
    import nbformat
    from nbclient import NotebookClient

    one = "fig, ax = plots.figure()"
    cells = ["from insidegpt.show import plots", one, one, "plots.figure(columns=3);"]
    cells += ["import matplotlib.pyplot as plt; plt.plot([1, 2]);"]
    new = nbformat.v4.new_code_cell
    nb = nbformat.v4.new_notebook(cells=[new(cell) for cell in cells])
    options = {"kernel_name": "python3", "extra_arguments": ["--log-level=ERROR"]}
    NotebookClient(nb, **options).execute()
    shown = [sum("image/png" in o.get("data", {}) for o in c.outputs) for c in nb.cells]
    assert shown == [0, 1, 1, 1, 1]
