"""Write a file so that it is there as a whole, or as it was before."""

import os
from collections.abc import Callable
from pathlib import Path


def replace(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a file beside ``path``, which then takes its name."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        write(unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> None:
    """The same for a text, in UTF-8."""
    replace(path, lambda unfinished: unfinished.write_text(text, encoding="utf-8"))
