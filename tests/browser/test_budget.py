"""The view of a budget computes in the page what the package computes."""

import re

import pytest

from insidegpt.measure.scaling import Law

PAGE = "book/math/scaling-laws.html"
READ = (
    "f => JSON.parse(f.querySelector('script[type=\"application/json\"]').textContent)"
)
UNITS = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
COUNT = r"([\d.,]+) ?(thousand|million|billion|trillion)?"
UP = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


@pytest.fixture
def view(visit, address):
    return visit(f"{address}/{PAGE}").locator("figure[data-view=budget]")


def said(view):
    """Parameters, tokens and loss in the line below the curves."""
    text = view.locator(".ig-budget-note").inner_text()
    found = re.search(rf"Best: {COUNT} parameters and {COUNT} tokens", text)
    counts = [
        float(number.replace(",", "")) * UNITS.get(unit, 1)
        for number, unit in (found.group(1, 2), found.group(3, 4))
    ]
    return *counts, float(re.search(r"loss of ([\d.]+)\.", text)[1])


def test_every_law_gives_the_plan_of_the_package(view):
    data = view.evaluate(READ)
    for given in data["laws"]:
        law = Law(*(given[name] for name in Law._fields))
        view.get_by_role("button", name=given["name"], exact=True).click()
        for tenths in (112, 131, 188, 214):
            view.get_by_label("FLOPs", exact=True).fill(str(tenths))
            plan = law.optimum(10 ** (tenths / 10))
            n, d, loss = said(view)
            assert n == pytest.approx(plan.parameters, rel=0.05)
            assert d == pytest.approx(plan.tokens, rel=0.05)
            assert loss == pytest.approx(law.loss(*plan), abs=0.0051)


def test_a_named_budget_is_taken_as_it_is(view):
    data = view.evaluate(READ)
    for mark in data["marks"]:
        view.get_by_role("button", name=mark["name"], exact=True).click()
        text = view.locator("output").inner_text()
        front, power = re.search(r"([\d.]+) × 10([⁰-⁹¹²³]+)", text).groups()
        found = float(front) * 10 ** int(power.translate(UP))
        assert found == pytest.approx(mark["flops"], rel=0.05)


def test_far_from_every_run_the_view_says_so(view):
    note = view.locator(".ig-budget-note")
    assert "Within the budgets" in note.inner_text()
    view.get_by_label("FLOPs", exact=True).fill("253")
    assert "Nothing of this kind was trained" in note.inner_text()
