"""A Sphinx extension: pages that load nothing from elsewhere, marked up as they should.

Jupyter Book puts Thebe's scripts, twice, and its address on every page. This book runs
no code in the browser, so they go.
"""

from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict:
    app.connect("html-page-context", without_thebe, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def without_thebe(app, pagename, templatename, context, doctree) -> None:
    """Drop the scripts of sphinx-thebe from a page."""
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "thebe" not in f"{script} {getattr(script, 'attributes', '')}".lower()
    ]
    if context.get("body"):
        # Roles that ARIA has withdrawn, and a list whose items are no list items.
        context["body"] = (
            context["body"]
            .replace(' role="doc-biblioentry"', "")
            .replace('<div role="list" class="citation-list">', "<div>")
        )
