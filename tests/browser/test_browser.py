"""Every built page in chromium, as readers meet it: light, dark, wide, narrow, by file.

Needs the built book (`make book`) and Debian's chromium; says so where one is missing.
A page is opened once in each shape, and all that is asked of it is asked there.
"""

import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import book_checks as book
import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import sync_playwright
from support import ROOT

SITE = ROOT / "_build" / "html"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
PAGES = book.toc_names()
SHAPES = [(t, w) for t in ("light", "dark") for w in (1280, 390)]
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RULES = {
    "runOnly": {"type": "tag", "values": WCAG},
    "resultTypes": ["violations"],
    "preload": False,
}
# In a timer, or the call would return only when the rules have been tried.
START = """rules => { window.verdict = new Promise((found, failed) => setTimeout(
  () => axe.run(document, rules).then(found, failed))) }"""
CONTROLS = "button:not(:disabled), input, select, [tabindex='0']"

pytestmark = [
    pytest.mark.slow,
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
def contexts():
    """One browser with a context for each shape."""
    with sync_playwright() as playwright:
        # As root, in a container, chromium runs only without its sandbox.
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=FLAGS, chromium_sandbox=False
        )
        shapes = {
            (theme, width): browser.new_context(
                color_scheme=theme, viewport={"width": width, "height": 900}
            )
            for theme, width in SHAPES
        }
        for context in shapes.values():
            context.set_default_timeout(120_000)  # a busy machine is no fault
        yield shapes
        browser.close()


class Visit:
    """Pages that are open, and what went wrong on them: errors, and foreign hosts."""

    def __init__(self, contexts):
        self.contexts, self.pages, self.shapes, self.faults = contexts, [], {}, []

    def __call__(self, url, shape=("light", 1280)):
        page = self.contexts[shape].new_page()
        self.pages.append(page)
        page.on("request", lambda request: self.note_host(url, request.url))
        page.on("pageerror", lambda error: self.faults.append(f"{url}: {error}"))
        page.on("console", lambda message: self.note_error(url, message))
        page.goto(url, wait_until="load")
        # Colours are judged when they have arrived, not on their way.
        page.add_style_tag(content="* { transition: none !important }")
        page.wait_for_function(
            "!window.MathJax?.startup?.promise || document.querySelector("
            "'.math') === null || document.querySelector('mjx-container') !== null"
        )
        return page

    def note_host(self, url, asked):
        parts = urlsplit(asked)
        if parts.scheme in ("http", "https") and parts.hostname != "127.0.0.1":
            self.faults.append(f"{url} asked {parts.hostname} for {parts.path}")

    def note_error(self, url, message):
        if message.type == "error":
            self.faults.append(f"{url}: {message.text} {message.location}")

    def close(self):
        for page in self.pages:
            page.close()


@pytest.fixture
def visit(contexts):
    """Open an address; afterwards no console error and no foreign host is allowed."""
    visit = Visit(contexts)
    yield visit
    visit.close()
    assert visit.faults == []


@pytest.fixture(scope="module", params=PAGES)
def visited(request, contexts, address):
    """A page in each shape, with axe at work in all of them at once."""
    visit = Visit(contexts)
    url = f"{address}/book/{request.param}.html"
    visit.shapes = {shape: visit(url, shape) for shape in SHAPES}
    for page in visit.pages:
        page.evaluate(AXE_SCRIPT)
        page.evaluate(START, RULES)
    yield visit
    visit.close()


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


def test_every_view_works_by_keyboard(visited):
    """Tab reaches every control in order, and arrows or Enter change what is drawn."""
    page = visited.shapes["light", 1280]
    name = urlsplit(page.url).path.removeprefix("/book/").removesuffix(".html")
    views = page.locator("figure[data-view]").all()
    assert bool(views) == ("data-view" in book.book_file(f"{name}.ipynb"))
    for view in views:
        count = view.locator(CONTROLS).count()
        assert count > 0
        view.locator(CONTROLS).first.focus()
        for at in range(count):
            here = view.locator(CONTROLS).nth(at)
            assert here.evaluate("e => e === document.activeElement"), at
            page.keyboard.press("Tab")
        changed = sum(acts_on_keys(page, view, at) for at in range(count))
        assert changed >= count / 2, f"{changed} of {count} controls do something"


def test_no_page_has_errors_or_asks_another_host(visited):
    assert visited.faults == []


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_as_a_file(visit, name):
    page = visit((SITE / "book" / f"{name}.html").as_uri())
    assert has_drawn_its_views(page)


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


KERNEL = """source => import(URL.createObjectURL(
  new Blob([source], {type: "text/javascript"}))).then(view => {
    const tokens = text => [...text].map((letter, id) =>
      ({id, bytes: [letter.charCodeAt(0)], text: letter, steps: [[letter]]}));
    const told = text => ({text, tokens: tokens(text)}), listeners = [];
    const texts = ["start", ""].map(text => ({name: text, ...told(text)}));
    const held = {kind: "tokens", data: {texts}, answers: true,
      markup: '<figure data-view="tokens"><div class="ig-stage"></div></figure>'};
    window.asked = [];
    window.answer = text => listeners.forEach(listen => listen(told(text)));
    view.default.render({el: document.body, model: {
      get: name => held[name], send: message => asked.push(message.text),
      on: (event, listen) => listeners.push(listen), off: () => listeners.splice(0)}});
  })"""


@pytest.fixture
def live(visit):
    """The view of tokens as a widget, beside a kernel that answers when it is told."""
    from insidegpt.show.view import script

    page = visit("about:blank")
    page.evaluate(KERNEL, script())
    page.type_and_ask = lambda text, nth: (
        page.get_by_label("Your own text").fill(text),
        page.wait_for_function(f"asked.length === {nth}"),
    )
    page.note = page.locator(".ig-note").first.inner_text
    return page


def test_a_reply_to_the_text_before_last_is_not_drawn(live):
    live.type_and_ask("abc", 1)
    live.type_and_ask("abcdef", 2)
    live.evaluate("answer('abc')")
    assert live.note().startswith("5 tokens")
    live.evaluate("answer('abcdef')")
    assert live.note().startswith("6 tokens")


def test_a_reply_is_not_drawn_over_a_text_chosen_since(live):
    live.type_and_ask("abc", 1)
    live.get_by_label("Text", exact=True).select_option("")
    live.evaluate("answer('abc')")
    assert live.note().startswith("0 tokens")  # and an empty text is no error
