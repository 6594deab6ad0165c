"""The view of a journey: the steps between a question and its answer."""

from collections.abc import Sequence
from typing import Any

from insidegpt.show.view import View


def steps_view(steps: Sequence[dict[str, Any]], *, caption: str, alt: str) -> View:
    """A journey: dicts of title, text, and bars [(name, share)] or pieces [str]."""
    return View("steps", {"steps": list(steps)}, caption=caption, alt=alt)
