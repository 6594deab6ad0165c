"""Figures: one look, legible where the page is narrow."""

import re
from itertools import pairwise

import matplotlib
import pytest

from insidegpt.show import plots


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
    """Ours in a cell that is run twice, and then one that the reader plots."""
    import nbformat
    from nbclient import NotebookClient

    one = "plots.draw(lambda ax: ax.plot([1, 2]), caption='It rises.', alt='A line.')"
    cells = ["from insidegpt.show import plots", one, one]
    cells += ["import matplotlib.pyplot as plt; plt.plot([1, 2]);"]
    new = nbformat.v4.new_code_cell
    nb = nbformat.v4.new_notebook(cells=[new(cell) for cell in cells])
    options = {"kernel_name": "python3", "extra_arguments": ["--log-level=ERROR"]}
    NotebookClient(nb, **options).execute()
    kinds = [[*o.get("data", {})] for c in nb.cells for o in c.outputs]
    assert ["text/html" in kind for kind in kinds] == [True, True, False]
    assert "image/png" in kinds[2]
