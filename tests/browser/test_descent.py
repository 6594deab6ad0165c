"""The view of descent computes in the page the ways of the package's optimizers."""

import re

import pytest

from insidegpt.show.widgets.descent import (
    ELONGATIONS,
    OPTIMIZERS,
    RATES,
    descend,
)

PAGE = "book/math/optimizers.html"
CASES = [  # optimizer, rate, elongation, tilted
    ("SGD", 0.095, 20, False),
    ("SGD", 0.05, 5, True),
    ("momentum", 0.02, 50, False),
    ("momentum", 0.01, 100, True),
    ("Adam", 0.5, 20, False),
    ("Adam", 0.5, 20, True),
    ("Adam", 0.3, 100, True),
    ("Muon", 0.1, 20, False),
    ("Muon", 0.25, 100, True),
]


@pytest.fixture
def view(visit, address):
    return visit(f"{address}/{PAGE}").locator("figure[data-view=descent]")


def test_each_way_ends_at_the_loss_of_the_package(view):
    for optimizer, rate, elongation, tilted in CASES:
        view.get_by_role("button", name=optimizer, exact=True).click()
        view.get_by_label("Learning rate").fill(str(RATES.index(rate)))
        view.get_by_label("Elongation").fill(str(ELONGATIONS.index(elongation)))
        shape = "tilted" if tilted else "along the axes"
        view.get_by_role("button", name=shape).click()
        places = descend(optimizer, rate=rate, elongation=elongation, tilted=tilted)
        p, q = places[-1].tolist()
        s, t = ((p + q) / 2**0.5, (q - p) / 2**0.5) if tilted else (p, q)
        expected = (s**2 + elongation * t**2) / 2
        text = view.locator(".ig-descent-note").inner_text()
        got = float(re.search(r"the loss is ([\d.e+-]+\d),", text)[1])
        assert got == pytest.approx(expected, rel=0.06), (optimizer, text)


def test_it_begins_just_below_the_limit_and_beyond_it_runs_away(view):
    note = view.locator(".ig-descent-note")
    assert "stable here below a rate of 0.1." in note.inner_text()
    assert view.locator("circle.ig-stop").count() == 60
    view.get_by_label("Learning rate").press("ArrowRight")
    view.get_by_label("Learning rate").press("ArrowRight")
    assert view.get_by_label("Learning rate").input_value() == str(RATES.index(0.125))
    assert "run away" in note.inner_text()
    assert (
        len(OPTIMIZERS) == view.get_by_label("Optimizer").get_by_role("button").count()
    )
