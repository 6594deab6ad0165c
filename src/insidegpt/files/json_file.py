"""Read JSON that other programs wrote; every error names the file."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def read_json(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds.

    Raises FileNotFoundError or ValueError, one sentence each.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{label(path)} is missing.") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{label(path)} is truncated or corrupted: it is not valid JSON; copy or "
            "download it again."
        ) from error
    if not isinstance(data, dict):
        raise ValueError(
            f"{label(path)} should hold a JSON object {{..}}, but it holds "
            f"{str(data)[:40]!r}."
        )
    return data


@contextmanager
def expecting(path: Path) -> Iterator[None]:
    """Turn what goes wrong on unexpected content of ``path`` into one ValueError."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(
            f"In {label(path)} something is missing or of another type than expected "
            f"({type(error).__name__}: {error})."
        ) from error
    except ValueError as error:
        if f"{path.absolute().parent.name}/" in str(error):
            raise  # another file of that directory, named already
        raise ValueError(f"{label(path)}: {error}") from error


def label(path: Path) -> str:
    """The file and its directory, short enough for a sentence."""
    return f"{path.absolute().parent.name}/{path.name}"
