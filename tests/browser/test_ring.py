"""The ring in the page moves the numbers as the package does."""

import re

import pytest
import torch

from insidegpt.show.widgets.ring import ring_after

PAGE = "book/code/many-machines.html"
READ = (
    "f => JSON.parse(f.querySelector('script[type=\"application/json\"]').textContent)"
)


@pytest.fixture
def view(visit, address):
    return visit(f"{address}/{PAGE}").locator("figure[data-view=ring]")


def table_in(view, n):
    texts = view.locator(".ig-ring-number").all_text_contents()
    return torch.tensor([int(text) for text in texts]).view(n, n)


@pytest.mark.parametrize("n", [2, 3, 4, 6])
def test_every_step_is_the_step_of_the_package(view, n):
    numbers = torch.tensor(view.evaluate(READ)["numbers"])[:n, :n]
    view.get_by_label("Machines").fill(str(n))
    forward = view.get_by_role("button", name="Next step")
    back = view.get_by_role("button", name="Step back")
    while back.is_enabled():
        back.click()
    for step in range(2 * (n - 1) + 1):
        assert torch.equal(table_in(view, n), ring_after(numbers, step)), step
        said = view.locator(".ig-ring-note").inner_text()
        assert re.search(r"has sent (\d+) part", said)[1] == str(step)
        if step < 2 * (n - 1):
            forward.click()
    assert forward.is_disabled()
    assert f"Whole sums: {n * n} of {n * n}" in said
    assert view.locator(".ig-ring-sum").count() == n * n


def test_it_begins_with_something_to_see(view):
    assert view.locator(".ig-ring-arrow").count() > 0
    assert view.locator(".ig-ring-fresh").count() == 4
