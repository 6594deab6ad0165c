"""The view of sampling on its page: it counts as the package does, and draws fairly."""

import re

import pytest
import torch

from insidegpt.infer.sampling import Sampling, probabilities
from insidegpt.show.widgets.sampling import MIN_P, TEMPERATURES, TOP_K, TOP_P

PAGE = "book/algorithm/generating-text.html"
CUTS = [("top_k", TOP_K), ("top_p", TOP_P), ("min_p", MIN_P)]
SETTINGS = [  # prompt, temperature, filter and its stop: a dozen of all there are
    (prompt, temperature, cut, (temperature + 2 * cut + prompt) % 6)
    for prompt in (0, 1)
    for temperature in (2, 4, 7)
    for cut in (1, 2, 3)
]


@pytest.fixture
def view(visit, address):
    def opened(state=""):
        page = visit(f"{address}/{PAGE}{state}")
        page.evaluate(
            "document.querySelectorAll('details').forEach(d => d.open = true)"
        )
        return page, page.locator("figure[data-view=sampling]")

    return opened


def count_in(view):
    found = re.search(r"([\d,]+) tokens? can be drawn", view.inner_text())
    return int(found[1].replace(",", ""))


def test_a_dozen_settings_leave_as_many_tokens_as_the_package(view, smollm2, tokenizer):
    page, figure = view()
    texts = ("The weather today is", "The capital of France is")
    ids = [torch.tensor([tokenizer.encode(text)]) for text in texts]
    logits = [smollm2(row)[:, -1].double() for row in ids]
    for prompt, temperature, cut, stop in SETTINGS:
        figure.get_by_role("button", name=texts[prompt]).click()
        figure.get_by_role("button", name=["top-k", "top-p", "min-p"][cut - 1]).click()
        figure.get_by_label("Temperature").fill(str(temperature))
        figure.get_by_label("Keep").fill(str(stop))
        name, stops = CUTS[cut - 1]
        chosen = Sampling(TEMPERATURES[temperature - 1], **{name: stops[stop]})
        p = probabilities(logits[prompt], chosen)
        assert count_in(figure) == int((p > 0).sum()), (prompt, chosen)


def test_darts_write_a_text_that_a_change_of_settings_clears(view):
    page, figure = view()
    page.evaluate("Math.random = () => 0.01")  # always the likeliest token
    grown = figure.locator(".ig-grown")
    throw = figure.get_by_role("button", name="Throw a dart")
    before = grown.inner_text()
    for _ in range(3):
        throw.click()
    assert len(grown.inner_text()) > len(before)
    assert figure.locator(".ig-dart").count() == 1
    figure.get_by_label("Temperature").fill("1")
    assert grown.inner_text() == before
    assert figure.locator(".ig-dart").count() == 0


def test_the_tail_is_no_token_and_ends_the_tree(view):
    page, figure = view()
    page.evaluate("Math.random = () => 0.999")
    figure.get_by_role("button", name="nothing").click()
    figure.get_by_label("Temperature").fill("7")
    figure.get_by_role("button", name="Throw a dart").click()
    assert "names are not stored" in figure.inner_text()
    assert "tree ends here" in figure.inner_text()
    assert figure.get_by_role("button", name="Throw a dart").is_disabled()
    figure.get_by_role("button", name="Take one back").click()
    assert figure.get_by_role("button", name="Throw a dart").is_enabled()
