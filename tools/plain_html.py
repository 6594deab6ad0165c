"""A Sphinx extension: pages that load nothing from elsewhere, marked up as they should.

Jupyter Book puts Thebe's scripts, twice, and its address on every page. This book runs
no code in the browser, so they go.
"""

from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict:
    for mend in (without_thebe, with_roles_that_hold):
        app.connect("html-page-context", mend, priority=900)
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
