"""The view of a budget begins where it says, with laws that a script can read."""

import numpy as np
import pytest
from viewed import WORDS, stored

from insidegpt.measure.scaling import CHINCHILLA, Law
from insidegpt.show import widgets
from insidegpt.show.widgets.budget import Fitted, isoflop

OURS = Fitted(
    "ours",
    Law(1.234567891, 60.0, 0.35, 700.0, 0.4),
    least=1e11,
    most=1e13,
    runs=[(40000.4321, 256000, 5.1)],
)
SETTINGS = {"marks": {"GPT-3": 3.14e23}, "machines": {"a core": 4e10}, "title": "T"}


def test_a_curve_of_equal_cost_by_hand():
    """600 FLOPs are N D = 100: N 4 leaves 25, N 25 leaves 4."""
    law = Law(1.0, 8.0, 0.5, 6.0, 0.5)
    curve = isoflop(law, 600, np.array([4.0, 25.0]))
    assert curve == pytest.approx([1 + 4 + 6 / 5, 1 + 8 / 5 + 3])


def test_the_curve_is_lowest_at_the_optimum():
    n = CHINCHILLA.optimum(1e20).parameters
    sizes = n * np.geomspace(0.5, 2, 201)
    assert sizes[isoflop(CHINCHILLA, 1e20, sizes).argmin()] == pytest.approx(
        n, rel=0.01
    )


def test_the_view_begins_with_its_budget_and_keeps_its_laws():
    chinchilla = Fitted("Chinchilla", CHINCHILLA, 1e18, 1e24)
    view = widgets.budget_view([OURS, chinchilla], flops=2e12, **SETTINGS, **WORDS)
    data = stored(view)
    assert data["flops"] == 2e12
    assert [law["name"] for law in data["laws"]] == ["ours", "Chinchilla"]
    assert data["laws"][0]["E"] == 1.23457  # no digits beyond what matters
    assert data["laws"][0]["runs"] == [[40000, 256000, 5.1]]
    assert data["laws"][1]["alpha"] == 0.34
    assert data["marks"] == [{"name": "GPT-3", "flops": 3.14e23}]
    assert "<svg" in view.markup  # where no script runs


def test_a_budget_beyond_the_slider_is_refused():
    with pytest.raises(ValueError, match="not between 1e10 and 1e26"):
        widgets.budget_view([OURS], flops=1e3, **SETTINGS, **WORDS)
    with pytest.raises(ValueError, match="GPT-9: "):
        far = SETTINGS | {"marks": {"GPT-9": 1e30}}
        widgets.budget_view([OURS], flops=1e12, **far, **WORDS)
