"""The view of kernel regression computes in the page what the package computes."""

import re

import pytest
import torch

from insidegpt.show.widgets.kernel import WIDTHS, mixture

PAGE = "book/math/attention.html"
READ = (
    "f => JSON.parse(f.querySelector('script[type=\"application/json\"]').textContent)"
)


@pytest.fixture
def view(visit, address):
    return visit(f"{address}/{PAGE}").locator("figure[data-view=kernel]")


def degrees_in(view):
    text = view.locator(".ig-kernel-note").inner_text()
    return float(re.search(r": (-?[\d.]+) °C", text)[1])


def test_every_width_gives_the_degrees_of_the_package(view):
    data = view.evaluate(READ)
    rows = (
        torch.tensor(data[name], dtype=torch.float64) for name in ("keys", "values")
    )
    keys, values = rows
    for n, width in enumerate(WIDTHS):
        for query in (4, 13, 19.5, 24):
            view.get_by_label("Query").fill(str(query))
            view.get_by_label("Width").fill(str(n))
            at = torch.tensor([query], dtype=torch.float64)
            expected = mixture(at, keys, values, width=width).item()
            assert degrees_in(view) == pytest.approx(expected, abs=0.051), (
                query,
                width,
            )


def test_the_query_is_dragged_to_where_the_pointer_is(view):
    slider, plot = view.get_by_label("Query"), view.locator("svg.ig-kernel")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    begin = slider.input_value()
    mouse = view.page.mouse
    mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 60)
    mouse.down()
    mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 60)
    mouse.up()
    dragged = float(slider.input_value())
    assert dragged > float(begin) + 5
    mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 60)  # let go: it stays
    assert float(slider.input_value()) == dragged
    slider.press("ArrowLeft")
    assert float(slider.input_value()) == dragged - 0.5
