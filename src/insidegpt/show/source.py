"""Show the code that really runs, and prove that a toy does the same."""

import inspect
import re
from collections.abc import Callable, Iterable
from importlib import resources
from typing import Any

import torch
from IPython.display import Markdown, display
from torch import Tensor


def show(*objects: Any) -> None:
    """Display the source of functions, classes or methods of the package."""
    for thing in objects:
        place = f"{thing.__module__}.{thing.__qualname__}"
        code = inspect.cleandoc("\n" + inspect.getsource(thing)).rstrip()
        display(Markdown(f"*`{place}`*\n\n```python\n{code}\n```"))


def show_cpp(*names: str) -> None:
    """Display functions of the package's C++, each with the comment above it."""
    blocks = {}  # text between blank lines: the file that it is in
    for file in sorted(resources.files("insidegpt.fast").iterdir(), key=str):
        if file.name.endswith((".cpp", ".hpp")):
            texts = file.read_text("utf-8").split("\n\n")
            blocks |= dict.fromkeys(texts, file.name)
    for name in names:
        head = re.compile(rf"^[a-z].*\b{name}\(", re.M)
        code = next((block for block in blocks if head.search(block)), None)
        if code is None:
            raise ValueError(f"The C++ has no function {name}.")
        place = f"fast/{blocks[code]}"
        display(Markdown(f"*`{place}`*\n\n```cpp\n{code.strip()}\n```"))


def same(
    toy: Callable,
    real: Callable,
    cases: Iterable[tuple],
    *,
    tolerance: float = 0.0,
    name: str | None = None,
) -> None:
    """Run both on every case and print one line; AssertionError where they differ.

    cases: tuples of positional arguments. tolerance: largest absolute difference of
    any number, 0 for results that must be equal.
    """
    count = 0
    for case in cases:
        ours, theirs = toy(*case), real(*case)
        if not equal(ours, theirs, tolerance):
            raise AssertionError(
                f"{toy.__name__} and {name or _name(real)} differ on case {count}: "
                f"{ours!r} against {theirs!r}."
            )
        count += 1
    if count == 0:
        raise ValueError("There are no cases, so nothing was compared.")
    exact = "exactly" if tolerance == 0 else f"to within {tolerance:g}"
    cases = "1 case" if count == 1 else f"{count} cases"
    print(f"{toy.__name__} equals {name or _name(real)} {exact} on {cases}")


def equal(a: Any, b: Any, tolerance: float) -> bool:
    """Whether two results agree: numbers within tolerance, the rest exactly."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        if a.shape != b.shape:
            return False
        if tolerance == 0 or not a.is_floating_point():
            return torch.equal(a, b)
        return bool(((a - b).abs() <= tolerance).all())
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= tolerance
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        pairs = zip(a, b, strict=False)
        return len(a) == len(b) and all(equal(x, y, tolerance) for x, y in pairs)
    return a == b


def _name(thing: Callable) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"
