"""Texts to train on: the docstrings of installed packages, or anybody's files.

A few megabytes of real technical English a package, read without importing anything.
Pages: code/running-gpt2, concepts/language-models.
"""

import ast
import importlib.util
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from insidegpt.files.locate import resolve

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
BODIES = (ast.stmt, ast.ExceptHandler, ast.match_case)  # where definitions may be
SHORTEST = 80  # characters; below that a docstring is mostly a name said again
TRAIN = ("numpy", "scipy", "torch", "sympy", "matplotlib")  # 18 MB of docstrings
VALID = ("networkx",)  # 2 MB, by other people

MARKUP = re.compile(r"``?([^`]+)``?_?|:\w+(?::\w+)?:(?=`)")  # code, and roles before it
SENTENCES = re.compile(r"[A-Z][^|>\\]*[.!?]")

# What several pages measure a loss on: four plain sentences that no model has seen.
WEATHER_REPORT = (
    "Rain is forecast for the north of the country this afternoon, and it will reach "
    "the coast by the evening. Temperatures will fall to about ten degrees, and the "
    "wind will turn to the west. Tomorrow the sun should return, first in the "
    "mountains and later everywhere else. People who plan to travel by boat should "
    "wait until the wind has dropped."
)


def docstrings(packages: Sequence[str] = ("numpy", "torch", "sympy")) -> list[str]:
    """The different docstrings of ``packages``, in the order of their files.

    Raises ValueError for a package that is not installed.
    """
    found = {}  # a dict keeps the order and drops repetitions
    for package in packages:
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise ValueError(f"The package {package} is not installed: name another.")
        for path in sorted(Path(spec.submodule_search_locations[0]).rglob("*.py")):
            found |= dict.fromkeys(docstrings_of(path))
    return list(found)


def docstrings_of(path: Path) -> Iterator[str]:
    """Cleaned docstrings of one file's module, classes and functions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other people's escapes
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError, ValueError):
            return  # a template or a test of broken files
    nodes: list[ast.AST] = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, DOCUMENTED):
            text = ast.get_docstring(node) or ""
            if len(text) >= SHORTEST:
                yield text
        inside = ast.iter_child_nodes(node)
        nodes += reversed([child for child in inside if isinstance(child, BODIES)])


# Prose, and an honest split ----------------------------------------------------------


class Split(NamedTuple):
    """Documents to learn from, and others to be measured on."""

    train: list[str]
    valid: list[str]


def documentation(train: Sequence[str] = TRAIN, valid: Sequence[str] = VALID) -> Split:
    """The prose of the packages' docstrings, a document for each that has any.

    Packages of ``valid`` are not read in training, and a paragraph that occurs in
    several places is kept in the first alone, so that none is in both halves.
    """
    if both := set(train) & set(valid):
        raise ValueError(f"{', '.join(sorted(both))} can't be in both halves.")
    seen: set[str] = set()
    halves = []
    for packages in (train, valid):
        halves.append([])
        for text in docstrings(packages):
            new = [line for line in prose(text) if line not in seen]
            seen.update(new)
            if new:
                halves[-1].append("\n".join(new))
    return Split(*halves)


def prose(text: str) -> Iterator[str]:
    """The paragraphs of a text that are sentences, each as one line, without markup.

    Code, tables, formulas, lists of parameters and headings are left out.
    """
    for block in paragraphs(text.splitlines()):
        line = MARKUP.sub(r"\1", " ".join(" ".join(block).split()))
        letters = sum(c.isalpha() or c == " " for c in line)
        plain = letters >= 0.9 * len(line) and len(line.split()) >= 8
        if plain and SENTENCES.fullmatch(line):
            yield line


def paragraphs(lines: Iterable[str]) -> Iterator[list[str]]:
    """Neighbouring lines that begin in the same column."""
    block: list[str] = []
    column = 0
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if block and (not line.strip() or indent != column):
            yield block
            block = []
        if line.strip():
            block, column = [*block, line], indent
    if block:
        yield block


# Other people's texts ----------------------------------------------------------------


def read_texts(source: str | Path) -> list[str]:
    """The documents of a file, of a directory's files, or of a data set on the hub.

    ``.txt``, ``.md`` and ``.rst`` are a document each; a line of ``.jsonl`` is one, by
    its key ``text``. Raises ValueError where there is no text, and for a line that
    isn't such an object.
    """
    path = Path(source)
    root = path if path.is_file() else resolve(source, want="texts")
    files = [root] if root.is_file() else sorted(root.rglob("*"))
    kinds = {".txt", ".md", ".rst", ".jsonl"}
    wanted = [file for file in files if file.suffix in kinds or file == path]
    texts = [text for file in wanted if file.is_file() for text in documents_of(file)]
    if not any(text.strip() for text in texts):
        raise ValueError(f"{source} holds no text: .txt, .md, .rst or .jsonl is read.")
    return texts


def documents_of(file: Path) -> Iterator[str]:
    """The documents of one file; ValueError where it is not UTF-8 or not JSON lines."""
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file.name} is not UTF-8 text.") from error
    if file.suffix != ".jsonl":
        yield text
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            row = parsed(line)
            if not isinstance(row, dict) or not isinstance(row.get("text"), str):
                raise ValueError(
                    f'Line {number} of {file.name} is no object {{"text": "..."}}.'
                )
            yield row["text"]


def parsed(line: str) -> object:
    """What a line of JSON holds, or None."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
