"""A corpus that is already there: the docstrings of installed packages.

A few megabytes of real technical English a package, read without importing anything.
Page: code/running-gpt2.
"""

import ast
import importlib.util
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
BODIES = (ast.stmt, ast.ExceptHandler, ast.match_case)  # where definitions may be
SHORTEST = 80  # characters; below that a docstring is mostly a name said again

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
