"""Pages of the book: import a text notebook, run pages, keep what is stored tidy.

A page is a notebook in book/ that is stored with its outputs, in one normal form, so
that a change in a page shows as that change alone.
"""

import re
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import click
import nbformat
import numpy as np
import yaml
from nbformat import NotebookNode
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}
# Left behind by editors and by execution; of no use to a reader.
NOISE = {"widgets", "source_map", "file_format", "jupytext", "toc", "vscode", "colab"}
CELL_NOISE = {"execution", "ExecuteTime", "collapsed", "scrolled", "trusted", "vscode"}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
ANSI = re.compile(r"\x1b\[[0-9;]*m")
TIMEOUT_S = 600


# Which pages there are -------------------------------------------------------------


def toc_names(toc: dict) -> Iterator[str]:
    """Every file that a _toc.yml of Jupyter Book 1 names, in reading order."""
    for key in ("root", "file"):
        if key in toc:
            yield toc[key].removesuffix(".ipynb").removesuffix(".md")
    for key in ("parts", "chapters", "sections"):
        for entry in toc.get(key, []):
            yield from toc_names(entry)


def pages(root: Path = ROOT) -> list[Path]:
    """The notebooks of the book, in reading order. Pages without code are not here."""
    toc = yaml.safe_load((root / "_toc.yml").read_text("utf-8"))
    names = [root / f"{name}.ipynb" for name in toc_names(toc)]
    return [path for path in names if path.exists()]


def page_path(name: str, root: Path = ROOT) -> Path:
    """`algorithm/rope`, with or without `book/` and `.ipynb`, as a path."""
    name = name.removeprefix(f"{root}/").removeprefix("book/").removesuffix(".ipynb")
    return root / "book" / f"{name}.ipynb"


def chosen(names: tuple[str, ...]) -> list[Path]:
    """The pages asked for, or all; ends the program where one does not exist."""
    paths = [page_path(name) for name in names] or pages()
    for path in paths:
        if not path.exists():
            sys.exit(f"There is no page {path.relative_to(ROOT)}: import it first.")
    return paths


def read_page(path: Path) -> NotebookNode:
    """A stored page as a notebook of format 4."""
    return nbformat.reads(path.read_text("utf-8"), as_version=4)


def page_text(nb: NotebookNode) -> str:
    """The one way a page is written to disk."""
    return nbformat.writes(nb, version=4) + "\n"


# The normal form -------------------------------------------------------------------


def normalise(nb: NotebookNode) -> NotebookNode:
    """`nb` in its normal form; changing nothing the second time."""
    nb.nbformat, nb.nbformat_minor = 4, 5
    kept = {key: nb.metadata[key] for key in nb.metadata if key not in NOISE}
    nb.metadata = nbformat.from_dict(kept | NOTEBOOK_METADATA)
    runs = 0
    for position, cell in enumerate(nb.cells, 1):
        cell.id = f"c{position:03}"
        for key in CELL_NOISE & set(cell.metadata):
            del cell.metadata[key]
        if cell.cell_type != "code":
            continue
        cell.outputs = normal_outputs(cell.outputs)
        if cell.execution_count is not None:
            runs += 1
            cell.execution_count = runs
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
    return nb


def normal_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Streams joined, standard error and widget ids dropped, pictures made compact."""
    kept: list[NotebookNode] = []
    for output in outputs:
        if output.output_type == "stream":
            if output.name == "stderr":
                continue
            if kept and kept[-1].output_type == "stream":
                kept[-1].text += output.text
                continue
        data = output.get("data", {})
        data.pop(WIDGET_VIEW, None)  # the page shows the text/html beside it
        if "image/png" in data:
            data["image/png"] = compact_png(data["image/png"])
        kept.append(output)
    return kept


def compact_png(text: str) -> str:
    """A base64 PNG, as a palette picture where that saves a tenth; else unchanged."""
    before = b64decode(text)
    image = Image.open(BytesIO(before))
    if image.mode == "P":
        return "".join(text.split())
    pixels = np.asarray(image.convert("RGBA"))
    small = BytesIO()
    if (palette := few_colours(pixels)) is not None:
        colours, index = palette
        picture = Image.fromarray(index)
        picture.putpalette(colours[:, :3].tobytes())
        transparent = bytes(colours[:, 3]) if colours[:, 3].min() < 255 else None
        picture.save(small, "PNG", optimize=True, transparency=transparent)
    else:
        image.save(small, "PNG", optimize=True)
    after = small.getvalue()
    return b64encode(after if len(after) < 0.9 * len(before) else before).decode()


def few_colours(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """At most 256 colours (n, 4) and each pixel's index, or None.

    Colours are merged in boxes of 1, 2, 4 or 8 levels a channel, and the commonest
    colour of a box stands for it: flat areas keep theirs exactly, and no channel
    moves by more than 7 of 255.
    """
    flat = pixels.reshape(-1, 4)
    colours, index, count = np.unique(
        flat, axis=0, return_inverse=True, return_counts=True
    )
    for shift in range(4):
        boxes, box_of = np.unique(colours >> shift, axis=0, return_inverse=True)
        if len(boxes) <= 256:
            by_count = np.argsort(count, kind="stable")  # the commonest written last
            chosen_colours = np.zeros((len(boxes), 4), np.uint8)
            chosen_colours[box_of.ravel()[by_count]] = colours[by_count]
            index = box_of.ravel()[index.ravel()].astype(np.uint8)
            return chosen_colours, index.reshape(pixels.shape[:2])
    return None


def problems(text: str) -> list[str]:
    """What is wrong with a stored page, a line each; empty when nothing is."""
    nb = nbformat.reads(text, as_version=4)
    found = []
    for number, cell in enumerate(nb.cells, 1):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if cell.execution_count is None:
            found.append(f"cell {number} was never run")
        if cell.source.rstrip().endswith(";"):
            found.append(f"cell {number} ends with a semicolon, which nbval ignores")
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(f"cell {number} stores an error: {output.ename}")
    if page_text(normalise(nb)) != text:
        found.append("it is not in its normal form: run make normalise")
    return found


# Running ---------------------------------------------------------------------------


def execute(nb: NotebookNode, directory: Path) -> NotebookNode:
    """Runs every cell in a fresh kernel whose working directory is `directory`."""
    from nbclient import NotebookClient

    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        nb,
        timeout=TIMEOUT_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(directory)}},
        extra_arguments=["--log-level=ERROR"],
    )
    client.execute()
    for number, cell in enumerate(nb.cells, 1):
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":  # nbval would not let it pass
                raise ValueError(f"cell {number} wrote to stderr: {output.text[:500]}")
    return nb


def failure(nb: NotebookNode, error: Exception) -> str:
    """The cell that failed, its lines numbered, and the end of what Python said."""
    code = [(n, c) for n, c in enumerate(nb.cells, 1) if c.cell_type == "code"]
    bad = [(n, c) for n, c in code if any(o.output_type == "error" for o in c.outputs)]
    if not bad:
        return f"  {str(error).strip() or type(error).__name__}"
    number, cell = bad[0]
    lines = [f"  cell {number}"]
    lines += [f"  {n:3} | {line}" for n, line in enumerate(cell.source.split("\n"), 1)]
    said = next(o for o in cell.outputs if o.output_type == "error")
    tail = ANSI.sub("", "\n".join(said.traceback)).strip().split("\n")[-12:]
    return "\n".join(lines + [""] + [f"  {line}" for line in tail])


# The commands ----------------------------------------------------------------------


@click.group(help=__doc__)
def main() -> None:
    pass


@main.command("import")
@click.argument("text_notebook", type=click.Path(exists=True, path_type=Path))
@click.argument("page")
def import_(text_notebook: Path, page: str) -> None:
    """Turn a MyST text notebook into book/PAGE.ipynb, still without outputs."""
    from myst_nb.core.read import MystMetadataParsingError, read_myst_markdown_notebook

    try:
        nb = read_myst_markdown_notebook(text_notebook.read_text("utf-8"))
    except MystMetadataParsingError as error:
        sys.exit(f"{text_notebook} cannot be read: {error}")
    path = page_path(page)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page_text(normalise(nb)), "utf-8")
    click.echo(f"{path.relative_to(ROOT)}: {len(nb.cells)} cells, not yet run")


@main.command("execute")
@click.argument("names", nargs=-1, metavar="[PAGES]...")
def execute_(names: tuple[str, ...]) -> None:
    """Run pages, all by default, and store their outputs; a page that fails keeps
    what it had."""
    failed = []
    for path in chosen(names):
        name = path.relative_to(ROOT / "book").with_suffix("")
        click.echo(f"{name} ", nl=False)
        nb, start = read_page(path), time.perf_counter()
        try:
            execute(nb, path.parent)
        except Exception as error:  # the page's own, a dead kernel, too much time
            failed.append(str(name))
            click.echo(f"failed after {time.perf_counter() - start:.1f} s")
            click.echo(failure(nb, error), err=True)
            continue
        path.write_text(page_text(normalise(nb)), "utf-8")
        size_kb = path.stat().st_size / 1000
        click.echo(f"{time.perf_counter() - start:.1f} s, {size_kb:.0f} kB")
    if failed:
        sys.exit(f"Not stored, because they failed: {', '.join(failed)}.")


@main.command("normalise")
@click.argument("names", nargs=-1, metavar="[PAGES]...")
def normalise_(names: tuple[str, ...]) -> None:
    """Bring stored pages, all by default, into their normal form."""
    for path in chosen(names):
        before, after = path.read_text("utf-8"), page_text(normalise(read_page(path)))
        if after != before:
            path.write_text(after, "utf-8")
            click.echo(f"{path.relative_to(ROOT)} tidied")


@main.command("check")
@click.argument("names", nargs=-1, metavar="[PAGES]...")
def check_(names: tuple[str, ...]) -> None:
    """Exit with 1 where a stored page is incomplete or not in its normal form."""
    found = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in chosen(names)
        for line in problems(path.read_text("utf-8"))
    ]
    click.echo("\n".join(found) or "Every page is complete and in its normal form.")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
