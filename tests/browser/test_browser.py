"""Every built page in chromium, as readers meet it: light, dark, wide, narrow, by file.

Needs the built book (`make book`) and Debian's chromium; says so where one is missing.
"""

import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import book_checks as book
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright
from support import ROOT

SITE = ROOT / "_build" / "html"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGES = book.toc_names()
SHAPES = [(t, w) for t in ("light", "dark") for w in (1280, 390)]
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
CONTROLS = "button:not(:disabled), input, select, [tabindex='0']"

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.skipif(not SITE.is_dir(), reason="there is no book: run make book"),
]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def address():
    """The built book on a free port of this machine."""
    handler = partial(Quiet, directory=str(SITE))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        # As root, in a container, chromium runs only without its sandbox.
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=FLAGS, chromium_sandbox=False
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """Open an address; afterwards no console error and no foreign host is allowed."""
    contexts, faults = [], []

    def open_page(url, theme="light", width=1280):
        context = browser.new_context(
            color_scheme=theme, viewport={"width": width, "height": 900}
        )
        contexts.append(context)

        def only_the_book(route):
            parts = urlsplit(route.request.url)
            if parts.scheme in ("http", "https") and parts.hostname != "127.0.0.1":
                faults.append(f"{url} asked {parts.hostname} for {parts.path}")
                route.abort()
            else:
                route.continue_()

        context.route("**/*", only_the_book)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"{url}: {error}"))
        page.on(
            "console",
            lambda m: (
                faults.append(f"{url}: {m.text} {m.location}")
                if m.type == "error"
                else None
            ),
        )
        page.goto(url, wait_until="load")
        # Colours are judged when they have arrived, not on their way.
        page.add_style_tag(content="* { transition: none !important }")
        page.wait_for_function(
            "!window.MathJax?.startup?.promise || document.querySelector("
            "'.math') === null || document.querySelector('mjx-container') !== null"
        )
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def has_drawn_its_views(page):
    total = page.locator("figure[data-view]").count()
    return page.locator("figure[data-view][data-ready]").count() == total


@pytest.mark.parametrize(("theme", "width"), SHAPES)
@pytest.mark.parametrize("name", PAGES)
def test_page(visit, address, name, theme, width):
    """No error, nothing foreign, nothing too wide, nothing that axe objects to."""
    page = visit(f"{address}/book/{name}.html", theme, width)
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    assert has_drawn_its_views(page)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, f"the page is {wide} px wide"
    rules = {"runOnly": {"type": "tag", "values": WCAG}, "preload": False}
    found = Axe().run(page, options=rules)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_as_a_file(visit, name):
    page = visit((SITE / "book" / f"{name}.html").as_uri())
    assert has_drawn_its_views(page)


def pages_with_views():
    return [p.name for p in book.all_pages() if "data-view" in p.text]


@pytest.mark.parametrize("name", pages_with_views())
def test_every_view_works_by_keyboard(visit, address, name):
    """Tab reaches every control in order, and arrows or Enter change what is drawn."""
    page = visit(f"{address}/book/{name}.html")
    views = page.locator("figure[data-view]").all()
    assert views
    for view in views:
        count = view.locator(CONTROLS).count()
        assert count > 0
        view.locator(CONTROLS).first.focus()
        for at in range(count):
            here = view.locator(CONTROLS).nth(at)
            assert here.evaluate("e => e === document.activeElement"), (name, at)
            page.keyboard.press("Tab")
        changed = sum(acts_on_keys(page, view, at) for at in range(count))
        assert changed >= count / 2, f"{changed} of {count} controls do something"


def acts_on_keys(page, view, at):
    """Whether the view draws something else when a control is used by keyboard."""
    control = view.locator(CONTROLS).nth(at)
    control.focus()
    kind = control.evaluate("e => e.type || e.tagName")
    keys = {"range": ["ArrowRight", "ArrowLeft", "ArrowLeft"], "button": ["Enter"]}
    keys |= {"select-one": ["ArrowDown"]}
    before, changed = view.inner_html(), False
    for key in keys.get(kind, []):
        page.keyboard.press(key)
        changed |= view.inner_html() != before
    return changed


def test_the_attention_view_shows_the_head_that_is_asked_for(visit, address):
    """Head 0 of layer 16 looks one word back, as the page says."""
    page = visit(f"{address}/book/algorithm/self-attention.html")
    view = page.locator("figure[data-view=attention]")
    view.get_by_role("button", name="one word back").click()
    assert "Layer 16, head 0" in view.inner_text()
    last = view.locator("tbody tr").last.locator("td").all_inner_texts()
    assert max(last, key=int) == last[2]


def test_the_sampling_view_cuts_where_the_package_does(
    visit, address, smollm2, tokenizer
):
    """Top-p 0.9 keeps as many tokens in the page as keep_top_p does."""
    import torch

    from insidegpt.infer.sampling import keep_top_p

    page = visit(f"{address}/book/algorithm/generating-text.html")
    view = page.locator("figure[data-view=sampling]")
    view.get_by_label("After").select_option("The capital of France is")
    slider = view.get_by_label("Top-p")
    slider.focus()
    for _ in range(2):
        page.keyboard.press("ArrowLeft")
    ids = torch.tensor([tokenizer.encode("The capital of France is")])
    p = smollm2(ids)[:, -1].softmax(-1)
    kept = int((keep_top_p(p, 0.9) > 0).sum())
    assert f"{kept} tokens can be drawn" in view.inner_text()


def test_the_tokens_view_shows_the_bytes_of_a_chinese_sentence(visit, address):
    page = visit(f"{address}/book/algorithm/tokenization.html")
    view = page.locator("figure[data-view=tokens]")
    view.get_by_label("Text").select_option("Chinese")
    assert "7 characters, 21 bytes" in view.inner_text()
