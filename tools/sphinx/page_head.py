"""A Sphinx extension: every page says where on a token's way it is, and how to run it.

The head of a page is ``:::{div} page-head`` with a question and a line of facts. Here
it gets the pipeline above, with the page marked, and below a fold with the notebook and
the whole course as one archive.
"""

import subprocess
import zipfile
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

WAY = [
    ("Chat", "background/what-is-chatgpt"),
    ("Tokens", "algorithm/tokenization"),
    ("Embeddings", "algorithm/embeddings"),
    ("Attention", "algorithm/self-attention"),
    ("Positions", "algorithm/positions"),
    ("Feed-forward", "algorithm/feed-forward"),
    ("Whole model", "algorithm/the-whole-model"),
    ("Next token", "algorithm/generating-text"),
]
ARCHIVE = "inside-chatgpt.zip"


def setup(app: Sphinx) -> dict:
    app.connect("doctree-resolved", dress_head)
    app.connect("build-finished", pack_course)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def dress_head(app: Sphinx, doctree: nodes.document, page: str) -> None:
    if app.builder.format != "html":
        return
    for head in list(doctree.findall(is_head)):
        place = head.parent
        place.insert(place.index(head), raw(way(app, page)))
        head += raw(how_to_run(app, page))


def is_head(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Element) and "page-head" in node.get("classes", [])


def raw(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def way(app: Sphinx, page: str) -> str:
    """The steps as links, this page's marked."""
    items = []
    for name, target in WAY:
        target = f"book/{target}"
        if target not in app.env.found_docs:
            continue
        here = ' aria-current="page"' if target == page else ""
        link = app.builder.get_relative_uri(page, target)
        items.append(f'<li><a href="{link or "#"}"{here}>{name}</a></li>')
    return (
        '<nav class="ig-way" aria-label="The way of a token"><ol>'
        f"{''.join(items)}</ol></nav>"
    )


def how_to_run(app: Sphinx, page: str) -> str:
    """One folded line: the notebook, the course, and what to type."""
    up = "../" * page.count("/")
    archive = f'<a href="{up}_static/{ARCHIVE}" download>the course as one archive</a>'
    notebook = f'<a href="{up}_sources/{page}.ipynb" download>its notebook</a>'
    name = page.removeprefix("book/")
    return (
        '<details class="ig-run"><summary>Run this page yourself</summary>'
        f"<p>Take {archive}, unpack it, type <code>make lab</code>, and open "
        f"<code>{name}.ipynb</code>. It needs Python 3.11, make, 4 GB of disk and no "
        f"graphics card. This page alone, to read in Jupyter: {notebook}.</p></details>"
    )


def pack_course(app: Sphinx, error: Exception | None) -> None:
    """All files of the repository as an archive, for the links above."""
    if error is not None or app.builder.format != "html":
        return
    root = Path(app.srcdir)
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(listed, cwd=root, capture_output=True, text=True)
    names = sorted(filter(None, done.stdout.split("\0")))
    if not names:  # a copy without git: all but what was built
        built = {"_build", ".venv", ".git", "__pycache__", ".pytest_cache"}
        files = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
        names = sorted(str(path) for path in files if built.isdisjoint(path.parts))
    with zipfile.ZipFile(
        Path(app.outdir) / "_static" / ARCHIVE, "w", zipfile.ZIP_DEFLATED
    ) as archive:
        for name in names:
            if (root / name).is_file():
                archive.write(root / name, f"inside-chatgpt/{name}")
