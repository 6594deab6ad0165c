"""A Sphinx extension: pages that load nothing from elsewhere and nothing that is heavy.

Jupyter Book puts Thebe's scripts, twice, and its address on every page: this book runs
no code in the browser, so they go. The theme brings 0.5 MB of script for a dozen icons:
the stylesheet draws these instead. It also has every page load the index of the search,
which grows with the book and is needed on the page of the search alone.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict:
    for mend in (without_thebe, with_roles_that_hold):
        app.connect("html-page-context", mend, priority=900)
    app.connect("build-finished", without_icon_script)
    app.connect("build-finished", with_search_on_its_page_alone)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def without_thebe(app, pagename, templatename, context, doctree) -> None:
    """Drop the scripts of sphinx-thebe from a page."""
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "thebe" not in f"{script} {getattr(script, 'attributes', '')}".lower()
    ]


def with_roles_that_hold(app, pagename, templatename, context, doctree) -> None:
    """Drop a role that ARIA has withdrawn, and a list's whose items are no items."""
    if body := context.get("body"):
        body = body.replace(' role="doc-biblioentry"', "")
        body = body.replace('<div role="list" class="citation-list">', "<div>")
        context["body"] = body


def without_icon_script(app: Sphinx, error: Exception | None) -> None:
    """Leave the theme's icon script empty, and its fonts out."""
    static = Path(app.outdir) / "_static"
    script = static / "scripts" / "fontawesome.js"
    if error is None and script.is_file():
        script.write_text("// Icons are drawn by book.css.\n", "utf-8")
        for file in static.rglob("fa-*.woff2"):
            file.unlink()


def with_search_on_its_page_alone(app: Sphinx, error: Exception | None) -> None:
    """Drop the scripts of the search from every page that only asks it."""
    scripts = r'\s*<script src="[./]*(?:_static/)?(?:%s)\.js"></script>'
    scripts = re.compile(scripts % "searchtools|language_data|searchindex")
    for page in Path(app.outdir).rglob("*.html") if error is None else ():
        if page.name != "search.html":
            text = page.read_text("utf-8")
            page.write_text(scripts.sub("", text), "utf-8")
