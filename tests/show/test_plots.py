"""Figures: one look, legible where the page is narrow."""

import re
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


def test_a_figure_is_drawn_for_a_wide_page_and_for_a_phone():
    seen = []

    def paint(*axes):
        seen.append(axes)
        axes[0].plot([1, 2], [3, 4])

    made = plots.draw(paint, panels=3, caption="It rises.", alt="A line that rises.")
    assert [len(axes) for axes in seen] == [3, 3]
    markup = made._repr_html_()
    assert markup.count("<svg") == 2 and markup.count("<figcaption>") == 1
    sizes = re.findall(r'viewBox="0 0 (\d+) (\d+)"', markup)
    assert sizes == [("660", "340"), ("350", "1020")]  # stacked on the phone
    assert repr(made) == "<figure: 0 texts, 4 numbers, mean 2.5>"


def test_a_place_without_a_panel_stays_empty():
    left = []

    def paint(*axes):
        left.append(len(axes[0].figure.axes))

    plots.draw(paint, panels=3, columns=2, caption="Three panels.", alt="Three.")
    assert left == [3, 3]


def test_a_table_shows_numbers_as_they_are_said():
    def paint(ax):
        plots.table(ax, [[0, 10], [0.576, 1]], title="v", rows="ab", columns="xy")

    text = plots.draw(paint, caption="Numbers.", alt="A table.").markup
    shown = re.findall(r">([\d.]+)</text>", text)
    assert shown[:4] == ["0", "10", "0.58", "1"]


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
