"""tools/pages.py: what it imports, what it stores, and what it refuses to store."""

import subprocess
from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path

import nbformat
import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from PIL import Image, ImageDraw
from support import load_tool

tool = load_tool("pages")
normal = load_tool("normal")

TEXT = """\
---
file_format: mystnb
kernelspec: {name: python3}
---

# Title

```{code-cell} ipython3
:tags: [hide-input]

from pathlib import Path
print(1)
print(Path.cwd().name)
```

```{code-cell}
---
mystnb:
  figure: {caption: It falls., name: fig-loss}
  image: {alt: A falling line}
---
1 + 1
```

The end.
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with one page in its table of contents, still to be imported."""
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    monkeypatch.setattr(tool.page_path, "__defaults__", (tmp_path,))
    monkeypatch.setattr(tool.pages, "__defaults__", (tmp_path,))
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/a/page\n")
    return tmp_path


def imported(project: Path, text: str = TEXT) -> Path:
    (project / "page.md").write_text(text)
    run("import", str(project / "page.md"), "a/page")
    return project / "book" / "a" / "page.ipynb"


def run(*arguments: str):
    return CliRunner().invoke(tool.main, arguments)


def png(image: Image.Image) -> str:
    file = BytesIO()
    image.save(file, "PNG")
    return b64encode(file.getvalue()).decode()


def test_import_keeps_tags_captions_and_alt_text(project):
    nb = normal.read_page(imported(project))
    assert [c.cell_type for c in nb.cells] == ["markdown", "code", "code", "markdown"]
    assert nb.cells[1].metadata == {"tags": ["hide-input"]}
    assert nb.cells[2].metadata.mystnb.figure.name == "fig-loss"
    assert nb.cells[2].metadata.mystnb.image.alt == "A falling line"
    assert [c.id for c in nb.cells] == ["c001", "c002", "c003", "c004"]
    assert set(nb.metadata) == {"kernelspec", "language_info"}


def test_an_imported_page_is_incomplete_until_it_is_run_in_its_own_folder(project):
    path = imported(project)
    assert normal.problems(path.read_text()) == [
        "cell 2 was never run",
        "cell 3 was never run",
    ]
    done = run("execute", "a/page")
    assert done.exit_code == 0 and " s, " in done.output
    assert normal.problems(path.read_text()) == []
    nb = normal.read_page(path)
    assert nb.cells[1].outputs[0].text == "1\na\n"
    assert [c.execution_count for c in nb.cells[1:3]] == [1, 2]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("print(missing)", "NameError: name 'missing' is not defined"),
        (
            "import sys; print('tired', file=sys.stderr)",
            "cell 3 wrote to stderr: tired",
        ),
    ],
)
def test_a_page_that_fails_stores_nothing_and_says_where(project, line, told):
    path = imported(project, TEXT.replace("1 + 1", line))
    before = path.read_text()
    done = run("execute", "a/page")
    assert done.exit_code == 1
    assert told in done.output and "cell 3" in done.output
    assert "Not stored, because they failed: a/page." in done.output
    assert path.read_text() == before


def test_changed_pages_are_those_that_differ_from_main(project):
    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", *identity, *words], cwd=project, check=True)

    imported(project)
    names = ["a/page", "b/edited", "b/new", "b/gone", "b/in-a-commit"]
    chapters = [{"file": f"book/{name}"} for name in names[1:]]
    toc = {"format": "jb-book", "root": "book/a/page", "chapters": chapters}
    (project / "_toc.yml").write_text(yaml.safe_dump(toc))
    (project / "book/b").mkdir()
    for name in ("b/edited", "b/gone"):
        (project / f"book/{name}.ipynb").write_text("{}")
    assert tool.changed(project) == []  # no repository: nothing is known
    git("init", "--quiet", "--initial-branch=main")
    git("add", "--all")
    git("commit", "--quiet", "--message=a")
    assert tool.changed(project) == []
    git("checkout", "--quiet", "-b", "branch")
    (project / "book/b/in-a-commit.ipynb").write_text("{}")
    git("add", "--all")
    git("commit", "--quiet", "--message=b")
    (project / "book/b/edited.ipynb").write_text("{ }")
    (project / "book/b/new.ipynb").write_text("{}")
    (project / "book/b/gone.ipynb").unlink()
    changed = ["edited", "in-a-commit", "new"]
    assert tool.changed(project) == [f"book/b/{name}.ipynb" for name in changed]
    assert run("changed").output.split() == tool.changed(project)


def test_a_page_that_does_not_exist_is_named(project):
    assert "There is no page book/b.ipynb" in run("execute", "b").output


def untidy() -> nbformat.NotebookNode:
    """What JupyterLab might leave behind."""
    new = nbformat.v4.new_output
    html = {"text/html": "<b>", normal.WIDGET_VIEW: {"model_id": "5a"}}
    outputs = [
        new("stream", name="stdout", text="1\n"),
        new("stream", name="stderr", text="warning"),
        new("stream", name="stdout", text="2\n"),
        new("display_data", data=html),
        new("execute_result", data={"text/plain": "3"}, execution_count=41),
    ]
    cell = nbformat.v4.new_code_cell("f()", outputs=outputs, execution_count=41)
    cell.metadata = nbformat.from_dict(
        {"execution": {"iopub.status.busy": "2026"}, "tags": ["x"], "scrolled": True}
    )
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("a"), cell])
    nb.metadata = nbformat.from_dict(
        {
            "widgets": {"state": 1},
            "language_info": {"name": "python", "version": "3.12"},
        }
    )
    return nb


def test_normalised_pages_keep_outputs_and_lose_noise():
    cell = normal.normalise(untidy()).cells[1]
    stream, shown, result = cell.outputs
    assert stream.text == "1\n2\n"
    assert shown.data == {"text/html": "<b>"}
    assert cell.execution_count == result.execution_count == 1
    assert cell.metadata == {"tags": ["x"]} and cell.id == "c002"


def test_normalised_pages_carry_no_version_and_no_widget_state():
    assert normal.normalise(untidy()).metadata == normal.NOTEBOOK_METADATA


def test_normalising_twice_changes_nothing_more():
    once = normal.page_text(normal.normalise(untidy()))
    again = normal.normalise(nbformat.reads(once, as_version=4))
    assert normal.page_text(again) == once
    assert normal.problems(once) == []


def test_a_semicolon_at_the_end_of_a_cell_is_found():
    cell = nbformat.v4.new_code_cell("plot();", execution_count=1)
    text = normal.page_text(normal.normalise(nbformat.v4.new_notebook(cells=[cell])))
    assert normal.problems(text) == [
        "cell 1 ends with a semicolon, which nbval ignores"
    ]


def chart() -> Image.Image:
    """Flat colours, text with soft edges, some transparency: what a figure is."""
    image = Image.new("RGBA", (400, 300), (255, 255, 255, 0))
    draw = ImageDraw.Draw(image)
    draw.rectangle((50, 50, 200, 250), fill=(0, 114, 178, 255))
    for n in range(256):
        draw.line((210, n, 390, n), fill=(n, 255 - n, (7 * n) % 256, 255))
    draw.point((100, 100), fill=(1, 115, 179, 255))  # nearly, and alone
    draw.text((60, 20), "loss on validation", fill=(20, 20, 20, 255), font_size=18)
    return image


def test_a_figure_becomes_smaller_and_looks_the_same():
    text = png(chart())
    small = normal.compact_png(text)
    assert len(small) < 0.9 * len(text)
    after = Image.open(BytesIO(b64decode(small))).convert("RGBA")
    before, after = np.asarray(chart()).astype(int), np.asarray(after).astype(int)
    assert np.abs(before - after).max() <= 7
    assert (after[99, 99] == [0, 114, 178, 255]).all()  # a flat area keeps its colour
    assert (after[299, 0] == [255, 255, 255, 0]).all()


def test_a_picture_of_few_colours_keeps_every_pixel():
    image = Image.new("RGB", (300, 200), (1, 2, 3))
    image.putpixel((5, 5), (4, 5, 6))
    noise = np.random.default_rng(0).integers(0, 200, (200, 100), dtype=np.uint8)
    image.paste(Image.fromarray(noise), (200, 0))
    after = Image.open(BytesIO(b64decode(normal.compact_png(png(image)))))
    assert (np.asarray(after.convert("RGB")) == np.asarray(image)).all()


def test_a_photograph_stays_as_it_is():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert normal.compact_png(png(Image.fromarray(noise))) == png(
        Image.fromarray(noise)
    )
