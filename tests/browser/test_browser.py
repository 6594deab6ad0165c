"""Every built page in chromium, as readers meet it: light, dark, wide, narrow, by file.

Needs the built book (`make book`) and Debian's chromium; says so where one is missing.
A page is opened once in each shape, and all that is asked of it is asked there.
"""

import gzip
import re
from urllib.parse import urlsplit

import book_checks as book
import pytest
from axe_playwright_python.base import AxeResults
from support import ROOT

SITE = ROOT / "_build" / "html"
PAGES = book.toc_names()
SHAPES = [(t, w) for t in ("light", "dark") for w in (1280, 390)]
PAGE_BYTES = 400_000
NO_QUESTION = ":not([data-view=predict])"
CONTROLS = ":is(button, input, select, textarea):not(:disabled), [tabindex='0']"


def has_drawn_its_views(page):
    total = page.locator("figure[data-view]").count()
    return page.locator("figure[data-view][data-ready]").count() == total


@pytest.mark.parametrize(("theme", "width"), SHAPES)
def test_a_page_is_drawn_fits_and_leaves_axe_nothing_to_object(visited, theme, width):
    page = visited.shapes[theme, width]
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    assert has_drawn_its_views(page)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, f"the page is {wide} px wide"
    found = AxeResults(page.evaluate("window.verdict"))
    assert found.violations_count == 0, found.generate_report()


def test_every_view_works_by_keyboard_and_keeps_its_height(visited):
    """Tab reaches every control in order; arrows or Enter change what is drawn."""
    page = visited.shapes["light", 1280]
    name = urlsplit(page.url).path.removeprefix("/book/").removesuffix(".html")
    views = page.locator(f"figure[data-view]{NO_QUESTION}").all()
    stored = re.findall(r'figure data-view=\\"(\w+)', book.book_file(f"{name}.ipynb"))
    assert bool(views) == bool(set(stored) - {"predict"})
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    for view in views:
        for button in view.get_by_role("button", name="Pause").all():
            button.click()
        count = view.locator(CONTROLS).count()
        assert count > 0
        view.locator(CONTROLS).first.focus()
        for at in range(count):
            here = view.locator(CONTROLS).nth(at)
            assert here.evaluate("e => e === document.activeElement"), at
            page.keyboard.press("Tab")
        height = view.bounding_box()["height"]
        used = [acts_on_keys(page, view, at) for at in range(count)]
        changed = sum(bool(use) for use in used)
        assert changed >= count / 2, f"{changed} of {count} controls do something"
        grown = {after for use in used for after in use if abs(after - height) >= 1}
        assert not grown, f"{height} px high, and in use {sorted(grown)}"


def test_a_question_is_answered_by_keyboard_and_opens_what_follows(visited):
    page = visited.shapes["light", 390]
    for question in page.locator("figure[data-view=predict]").all():
        control = question.locator(CONTROLS).first
        if control.evaluate("e => e.type") == "text":
            control.fill("x")
        control = question.get_by_role("button").last
        control.focus()
        page.keyboard.press("Enter")
        assert question.locator(".ig-said").inner_text() != ""
        answer = "f => f.closest('.cell')?.nextElementSibling?.open"
        assert question.evaluate(answer) is True


TOO_SMALL = """() => [...document.querySelectorAll(
    'figure :is(text, button, span, p, td, th, label, output, small)')]
  .filter(e => e.checkVisibility() && e.textContent.trim())
  .map(e => {
    const svg = e.closest('svg'), box = svg?.viewBox?.baseVal;
    const scale = box?.width ? svg.getBoundingClientRect().width / box.width : 1;
    return [parseFloat(getComputedStyle(e).fontSize) * scale, e.textContent.trim()];
  }).filter(([size]) => size < 10.95)"""


def test_no_text_in_a_figure_is_too_small_on_a_phone(visited):
    page = visited.shapes["light", 390]
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate(TOO_SMALL) == []


def test_a_page_is_light_before_anything_is_touched(visited):
    """Everything that it asks for, compressed as servers do."""
    page = visited.shapes["light", 1280]
    asked = page.evaluate(
        "() => performance.getEntriesByType('resource').map(e => e.name)"
    )
    files = {urlsplit(address).path.lstrip("/") for address in (page.url, *asked)}
    sizes = {name: len(gzip.compress((SITE / name).read_bytes())) for name in files}
    heaviest = sorted(sizes.items(), key=lambda item: -item[1])[:5]
    assert sum(sizes.values()) <= PAGE_BYTES, heaviest


def test_no_page_has_errors_or_asks_another_host(visited):
    assert visited.faults == []


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_as_a_file(visit, name):
    page = visit((SITE / "book" / f"{name}.html").as_uri())
    assert has_drawn_its_views(page)


def acts_on_keys(page, view, at):
    """Heights of the view after each time that a control changed what it draws."""
    if at >= view.locator(CONTROLS).count():
        return []  # what was drawn here has made room for something else
    control = view.locator(CONTROLS).nth(at)
    control.focus()
    kind = control.evaluate("e => e.type || e.tagName")
    keys = {"range": ["ArrowRight", "ArrowLeft", "ArrowLeft"], "button": ["Enter"]}
    keys |= {"select-one": ["ArrowDown"]}
    before, heights = view.inner_html(), []
    for key in keys.get(kind, []):
        page.keyboard.press(key)
        if view.inner_html() != before:
            heights.append(view.bounding_box()["height"])
    return heights


def test_the_attention_view_shows_the_head_that_is_asked_for(visit, address):
    """Head 0 of layer 16 looks one token back, as the page says."""
    page = visit(f"{address}/book/algorithm/self-attention.html")
    view = page.locator("figure[data-view=attention]")
    view.get_by_role("button", name="one token back").click()
    assert "layer 16, head 0" in view.inner_text()
    shares = view.locator(".ig-word small").all_inner_texts()
    numbers = [int(share.removesuffix(" %")) for share in shares]
    assert max(numbers) == numbers[-2]


def test_the_attention_view_cuts_the_wire_as_the_page_says(visit, address):
    page = visit(f"{address}/book/algorithm/self-attention.html")
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    view = page.locator("figure[data-view=attention]")
    view.get_by_role("button", name="Cut \u2423is").click()
    left = view.locator(".ig-number").last.inner_text().replace(" ", "")
    text = page.locator("article").inner_text()
    (before, after) = re.search(r"Paris falls from (\d+%) to (\d+%)", text).groups()
    assert left == after != before


def test_what_readers_set_is_in_the_address_and_can_be_taken_back(visit, address):
    page = visit(
        f"{address}/book/algorithm/self-attention.html#~attention,layer=16,head=0"
    )
    view = page.locator("figure[data-view=attention]")
    assert "layer 16, head 0" in view.inner_text()
    view.get_by_role("button", name="Reset").click()
    assert "layer 23, head 4" in view.inner_text() and "#~" not in page.url


def test_another_token_leads_to_what_was_recorded_from_there(visit, address):
    page = visit(f"{address}/book/index.html")
    view = page.locator("figure[data-view=replay]")
    place = view.get_by_label("Token", exact=True)
    place.focus()
    other = view.locator(".ig-option-row:not(:disabled)[aria-pressed=false]")
    for _ in range(60):
        page.keyboard.press("ArrowRight")
        if other.count():
            break
    chosen = other.first.locator(".ig-name").inner_text().replace("\u2423", " ")
    other.first.click()
    assert view.locator(".ig-fork").inner_text().strip() == chosen.strip()
    assert "#~replay,path=" in page.url
