"""Measurements that take too long for a page, stored by the scripts that made them."""

import json
from importlib.resources import files
from typing import Any


def record(name: str) -> dict[str, Any]:
    """What a script in ``benchmarks/`` measured; FileNotFoundError for another name."""
    folder = files("insidegpt.show") / "records"
    return json.loads((folder / f"{name}.json").read_text("utf-8"))
