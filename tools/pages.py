"""Pages of the book: import a text notebook, run pages, keep what is stored tidy.

A page is a notebook in book/ that is stored with its outputs, in one normal form, so
that a change in a page shows as that change alone.
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import yaml
from nbformat import NotebookNode
from normal import normalise, page_text, read_page

ROOT = Path(__file__).resolve().parent.parent
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


def changed(root: Path) -> list[str]:
    """Paths of the pages that differ from where this branch left main."""

    def git(*words: str) -> list[str]:
        done = subprocess.run(["git", *words], cwd=root, text=True, capture_output=True)
        return done.stdout.splitlines() if done.returncode == 0 else []

    base = git("merge-base", "HEAD", "origin/main") or git("merge-base", "HEAD", "main")
    asked = ("--relative", "--diff-filter=d", *(base or ["HEAD"]), "--", "book")
    names = git("diff", "--name-only", *asked)
    names += git("ls-files", "--others", "--exclude-standard", "book")
    stored = {path.relative_to(root).as_posix() for path in pages(root)}
    return sorted(stored.intersection(names))


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
    """Which cell failed, what stands in it, and what Python said."""
    failed = [
        f"cell {number}: "
        for number, cell in enumerate(nb.cells, 1)
        if any(o.output_type == "error" for o in cell.get("outputs", []))
    ]
    said = ANSI.sub("", str(error).strip()) or type(error).__name__
    return "".join(failed[:1]) + said


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


@main.command("changed")
def changed_() -> None:
    """Print the pages that differ from main's, those in no commit yet included."""
    for name in changed(ROOT):
        click.echo(name)


if __name__ == "__main__":
    main()
