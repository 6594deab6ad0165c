"""A browser, the built book on a port, and pages in it that were watched for faults."""

import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import book_checks as book
import pytest
from axe_playwright_python.base import AXE_SCRIPT
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
CONTROLS = ":is(button, input, select, textarea):not(:disabled), [tabindex='0']"


def pytest_collection_modifyitems(items):
    """Everything here needs a browser and a book, and takes its time."""
    here = str(ROOT / "tests" / "browser")
    for item in items:
        if not str(item.path).startswith(here):
            continue
        item.add_marker("slow")
        if CHROMIUM is None:
            item.add_marker(pytest.mark.skip(reason="chromium is not installed"))
        if not SITE.is_dir():
            item.add_marker(pytest.mark.skip(reason="there is no book: run make book"))


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
