"""What every stored page is held to, each as a function from a page to its faults.

Sphinx checks cross-references, citations and terms (-W -n), and nbval that a page gives
its stored outputs again: neither is repeated here. tests/test_book.py applies these
checks to the book, and tries each of them on a page that has the fault.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat
import yaml
from nbformat import NotebookNode
from support import ROOT, load_tool

tool = load_tool("pages")
normal = load_tool("normal")

CELL_LINES = 15
CODE_LINES = 120  # in sight, on a page
CODE_WIDTH = 80  # what a page shows without scrolling
SHORT_WORDS, SHORT_SHARE = 8, 0.25  # sentences of so few words, at most this share
PAGE_BYTES = 1_500_000
WORDS_A_MINUTE = 220
SECONDS_A_LINE = 2.5
UNSEEN = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
# Words that usually mark a sentence which says nothing.
EMPTY = re.compile(
    r"\b(delve|seamless(?:ly)?|leverag(?:e|es|ing)|powerful|revolutionary|cutting-edge"
    r"|in this (?:chapter|section|notebook|page),? we (?:will|are going to)|let.s dive"
    r"|dive (?:in|into|deep)|unlock the|robust and|crucial|it.s worth noting"
    r"|furthermore|moreover)\b",
    re.IGNORECASE,
)
MACHINE = re.compile(
    r"(?<![\w.~])/(?:home|root|Users|tmp|private|usr|opt|var|work|mnt)/[\w.]"
    r"|\b[A-Z]:\\\\?[A-Za-z]|site-packages|\bat 0x[0-9a-f]{6,}"
)


@dataclass(frozen=True)
class Page:
    """A page as it is stored; one without code may be Markdown alone."""

    name: str  # algorithm/tokenization
    text: str  # the whole file

    @cached_property
    def nb(self) -> NotebookNode:
        if self.text.startswith("{"):
            return nbformat.reads(self.text, as_version=4)
        return nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_markdown_cell(self.text)]
        )

    @cached_property
    def code(self) -> list[NotebookNode]:
        return [cell for cell in self.nb.cells if cell.cell_type == "code"]

    @cached_property
    def prose(self) -> str:
        """What the author wrote in words, captions included."""
        words = [c.source for c in self.nb.cells if c.cell_type == "markdown"]
        return "\n\n".join(words + [figure_of(c).get("caption", "") for c in self.code])

    @property
    def has_head(self) -> bool:
        """The index and the appendix stand outside the course."""
        return self.name != "index" and not self.name.startswith("appendix/")


def tags_of(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def figure_of(cell: NotebookNode) -> dict:
    return cell.metadata.get("mystnb", {}).get("figure", {})


def outputs_of(page: Page) -> Iterator[tuple[NotebookNode, NotebookNode]]:
    for cell in page.code:
        for output in cell.outputs:
            yield cell, output


def line_count(text: str) -> int:
    return sum(bool(line.strip()) for line in text.splitlines())


def definitions(source: str) -> set[str]:
    """Functions and classes that a text of Python defines at its top level."""
    tree = ast.parse(source)
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return {node.name for node in tree.body if isinstance(node, kinds)}


def package_names() -> set[str]:
    """Every public function and class of insidegpt."""
    files = (ROOT / "src" / "insidegpt").rglob("*.py")
    found = set().union(*(definitions(path.read_text("utf-8")) for path in files))
    return {name for name in found if not name.startswith("_")} - {"main"}


def python_of(cell: NotebookNode) -> str:
    """A cell's source without IPython's own lines."""
    lines = cell.source.splitlines()
    return "\n".join("" if re.match(r"\s*[%!?]", line) else line for line in lines)


def roles(text: str, pattern: str) -> list[str]:
    """What stands between the backticks of the MyST roles that match."""
    return re.findall(rf"\{{{pattern}\}}`+([^`]+?)`+", text)


def bib_keys(text: str) -> set[str]:
    return set(re.findall(r"^@\w+\{\s*([^,\s]+)\s*,", text, re.M))


def cited(page: Page) -> set[str]:
    keys = ",".join(roles(page.prose, r"cite(?::\w+)?")).split(",")
    return {key.strip() for key in keys if key.strip()}


def sentences(page: Page) -> list[str]:
    """Of the running text: no headings, lists, tables, formulas, code or figures."""
    found = []
    for cell in page.nb.cells:
        if cell.cell_type != "markdown":
            continue
        text = re.sub(
            r"^(`{3,}|:{3,}|\$\$).*?^(`{3,}|:{3,}|\$\$)",
            "",
            cell.source,
            flags=re.M | re.S,
        )
        for block in re.split(r"\n\s*\n", text):
            if not re.match(r"\s*(#|[-*|<]|\d+\.|\*\*\d)", block):
                found += re.split(r"(?<=[.?!])[\"”*)]*\s+(?=[\"“*({\[A-Z$])", block)
    return [text for text in found if re.search(r"\w", text)]


def minutes(page: Page) -> float:
    """How long the page takes to read: its words, and its code, typed or shown."""
    words = len(re.findall(r"[A-Za-z][\w'’-]*", page.prose))
    typed = [c.source for c in page.code if not tags_of(c) & UNSEEN]
    shown = [o.get("data", {}).get("text/markdown", "") for _, o in outputs_of(page)]
    lines = sum(map(line_count, typed + shown))
    return words / WORDS_A_MINUTE + lines * SECONDS_A_LINE / 60


# The book -----------------------------------------------------------------------------


def book_file(name: str, root: Path = ROOT) -> str:
    path = root / "book" / name
    return path.read_text("utf-8") if path.exists() else ""


def toc_names(root: Path = ROOT) -> list[str]:
    names = tool.toc_names(yaml.safe_load((root / "_toc.yml").read_text("utf-8")))
    return [name.removeprefix("book/") for name in names]


def all_pages() -> list[Page]:
    texts = {n: book_file(f"{n}.ipynb") or book_file(f"{n}.md") for n in toc_names()}
    return [Page(name, text) for name, text in texts.items() if text]


def outside_the_toc(root: Path) -> list[str]:
    """Pages that the table of contents lacks, and names in it without a page."""
    book = root / "book"
    files = {
        path.relative_to(book).with_suffix("").as_posix()
        for path in book.rglob("*")
        if path.suffix in {".ipynb", ".md"} and ".ipynb_checkpoints" not in path.parts
    }
    return sorted(files ^ set(toc_names(root)))


# Checks: a page in, its faults out ---------------------------------------------------


def is_complete_and_normalised(page: Page) -> list[str]:
    return normal.problems(page.text) if page.text.startswith("{") else []


def has_short_cells(page: Page) -> list[str]:
    seen = [cell for cell in page.code if not tags_of(cell) & UNSEEN]
    counts = [line_count(cell.source) for cell in seen]
    told = "a cell has {} lines; hide it or move code into the package"
    return [told.format(count) for count in counts if count > CELL_LINES]


def has_code_that_fits(page: Page) -> list[str]:
    seen = [cell.source for cell in page.code if not tags_of(cell) & UNSEEN]
    total = sum(map(line_count, seen))
    faults = [f"{total} lines of code are in sight"] if total > CODE_LINES else []
    wide = [
        line for text in seen for line in text.splitlines() if len(line) > CODE_WIDTH
    ]
    return faults + [
        f"a line in sight has {len(line)} characters: {line}" for line in wide
    ]


def has_sentences_of_some_length(page: Page) -> list[str]:
    said = sentences(page)
    short = [text for text in said if len(text.split()) <= SHORT_WORDS]
    if len(said) < 20 or len(short) <= SHORT_SHARE * len(said):
        return []
    return [f"{len(short)} of {len(said)} sentences have at most {SHORT_WORDS} words"]


def answers_its_tasks(page: Page) -> list[str]:
    _, _, after = page.prose.partition("\n## Try\n")
    tasks = re.findall(r"^\*\*(\d+)\.\*\*", after, re.M)
    answers = after.count("<summary>Answer</summary>")
    if after and not tasks:
        return ["its tasks have no numbers"]
    told = f"{len(tasks)} tasks have {answers} folded answers"
    return [told] if len(tasks) != answers else []


def has_no_unproven_copies(page: Page) -> list[str]:
    source = "\n\n".join(python_of(cell) for cell in page.code)
    proven = {
        name.id
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("same")
        for argument in call.args
        for name in ast.walk(argument)
        if isinstance(name, ast.Name)
    }
    copies = sorted(definitions(source) & package_names() - proven)
    return [f"{name} is defined again without same({name}, ...)" for name in copies]


def has_figures_with_words(page: Page) -> list[str]:
    faults = []
    for cell, output in outputs_of(page):
        drawn = any(kind.startswith("image/") for kind in output.get("data", {}))
        if drawn and not tags_of(cell) & {"remove-cell", "remove-output"}:
            image = cell.metadata.get("mystnb", {}).get("image", {})
            words = {"alt text": image.get("alt", "")}
            words["a caption"] = figure_of(cell).get("caption", "")
            lacking = [what for what, text in words.items() if len(text.split()) < 3]
            faults += [f"the figure of cell {cell.id} lacks {w}" for w in lacking]
    for cell, output in outputs_of(page):
        for figure in re.findall(
            r"<figure.*?</figure>", output.get("data", {}).get("text/html", ""), re.S
        ):
            label = re.search(r'aria-label="([^"]*)"', figure)
            caption = re.search(r"<figcaption>(.*?)</figcaption>", figure, re.S)
            asked = 'data-view="predict"' in figure  # the question is its caption
            if not label or len(label[1].split()) < 3:
                faults.append(f"a figure of cell {cell.id} lacks alt text")
            if not asked and (not caption or len(caption[1].split()) < 3):
                faults.append(f"a figure of cell {cell.id} lacks a caption")
    fences = re.compile(r"^[`:]{3,}\{(?:figure|image)\}.*?^[`:]{3}", re.M | re.S)
    for fence in fences.findall(page.prose):
        if ":alt:" not in fence:
            faults.append(f"{fence.splitlines()[0]} lacks :alt:")
    return faults


def links_the_glossary(page: Page) -> list[str]:
    linked = roles(page.prose, "term") or not page.has_head
    return [] if linked else ["no term is linked to the glossary"]


def shows_only_numbers_it_computed(page: Page) -> list[str]:
    glued = {
        output.get("metadata", {}).get("scrapbook", {}).get("name")
        for _, output in outputs_of(page)
    }
    used = [re.split(r":", text)[0] for text in roles(page.prose, r"glue(?::\w*)?")]
    used += re.findall(r"^[`:]{3,}\{glue(?::\w*)?\}[ \t]*(\S+)", page.prose, re.M)
    return [f"{name} is shown and never glued" for name in used if name not in glued]


def is_light(page: Page) -> list[str]:
    size = len(page.text.encode())
    return [f"{size / 1e6:.2f} MB is too heavy"] if size > PAGE_BYTES else []


def tells_its_reading_time(page: Page) -> list[str]:
    first = page.nb.cells[0].source
    match = re.search(r"(\d+) min to read · (\d+|about \d+) s to run", first)
    if not match:
        return ["its head has no `N min to read · N s to run`"] if page.has_head else []
    said, counted = int(match[1]), minutes(page)
    if abs(said - counted) > max(0.4 * counted, 1):
        return [f"it says {said} min to read; its words and cells take {counted:.0f}"]
    return []


def has_no_empty_words(page: Page) -> list[str]:
    return [f"the empty word “{word}”" for word in EMPTY.findall(page.prose)]


def names_no_machine(page: Page) -> list[str]:
    faults = []
    for cell, output in outputs_of(page):
        data = output.get("data", {})
        texts = [str(data[kind]) for kind in data if not kind.startswith("image/")]
        for text in [output.get("text", ""), *texts]:
            if match := MACHINE.search(text):
                around = text[max(0, match.start() - 10) : match.end() + 30]
                faults.append(f"cell {cell.id} shows a path or address: {around!r}")
    return faults


CHECKS = [
    is_complete_and_normalised,
    has_short_cells,
    has_code_that_fits,
    has_sentences_of_some_length,
    answers_its_tasks,
    has_no_unproven_copies,
    has_figures_with_words,
    links_the_glossary,
    shows_only_numbers_it_computed,
    is_light,
    tells_its_reading_time,
    has_no_empty_words,
    names_no_machine,
]
