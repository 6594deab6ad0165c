"""Questions that readers answer before they see what came out.

In a built page the answer below (up to ``<!-- end of answer -->``) is folded until one
commits; the cell carries the tag ``predict``. In a kernel the question answers itself.
"""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from insidegpt.show.view import View


def choice(question: str, options: Sequence[str], *, answer: str) -> View:
    """One of several options; ValueError if the answer is none of them."""
    if answer not in options:
        raise ValueError(f"{answer!r} is not among the options {list(options)}.")
    data = {"options": list(options), "answer": list(options).index(answer)}
    return _ask("choice", question, data)


def number(
    question: str,
    *,
    answer: float,
    low: float,
    high: float,
    begin: float | None = None,
    step: float = 1,
    unit: str = "",
) -> View:
    """A number on a slider from low to high; ValueError if the answer lies outside."""
    if not low <= answer <= high:
        raise ValueError(f"{answer} does not lie between {low} and {high}.")
    begin = (low + high) / 2 if begin is None else begin
    numbers = {"low": low, "high": high, "begin": begin, "step": step, "unit": unit}
    return _ask("number", question, {"answer": round(float(answer), 4), **numbers})


def token(question: str, *, likely: Mapping[str, float]) -> View:
    """A token to type. likely: the model's likeliest and their probabilities."""
    rows = sorted(likely.items(), key=lambda row: -row[1])
    rows = [[name, round(float(p), 4)] for name, p in rows]
    return _ask("token", question, {"answer": rows[0][0], "likely": rows})


def curve(
    question: str,
    x: Sequence[float],
    y: Sequence[float],
    *,
    xlabel: str,
    ylabel: str,
    low: float = 0.0,
    high: float = 1.0,
) -> View:
    """A curve to draw, one handle for each x, between low and high."""
    if len(x) != len(y):
        raise ValueError(f"{len(x)} places and {len(y)} heights: give one for each.")
    data = {"x": list(x), "y": [round(float(v), 4) for v in y], "low": low}
    names = {"high": high, "xlabel": xlabel, "ylabel": ylabel}
    return _ask("curve", question, {**data, **names})


def _ask(kind: str, question: str, data: dict[str, Any]) -> View:
    text = f'<p class="ig-question"><strong>Predict.</strong> {html.escape(question)}'
    options = "".join(f"<li>{html.escape(o)}</li>" for o in data.get("options", []))
    listed = f"</p><ul>{options}</ul>" if options else "</p>"
    return View(
        "predict",
        {"kind": kind, "question": question, **data},
        alt=f"A question to answer before reading on: {question}",
        fallback=text + listed,
    )
