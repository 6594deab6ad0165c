"""A matplotlib figure as SVG that belongs to its page: real text, colours by name.

Colours are Okabe and Ito's, which survive colour blindness. In the SVG each is a CSS
variable, so that a figure follows the page into the dark.
"""

import html
import io
import re
from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

QUERY, KEY, VALUE = "#0072b2", "#d55e00", "#009e73"
TOKEN, RESIDUAL = "#56b4e9", "#cc79a7"
TRAIN, VALID = "#1f1f1e", "#e69f00"
INK, MUTED, GRID = "#1f1f1f", "#666665", "#e4e4e4"
VARIABLES = {
    QUERY: "query",
    KEY: "key",
    VALUE: "value",
    TOKEN: "token",
    RESIDUAL: "residual",
    TRAIN: "train",
    VALID: "valid",
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
}


def svg(fig: Figure, alt: str, salt: str) -> str:
    """The figure as an SVG element whose colours are variables and whose text is text.

    salt: makes its ids differ from those of any other figure on the page.
    """
    out = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": salt}):
        fig.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r'<defs>\s*<style type="text/css">.*?</style>\s*</defs>', "", text)
    text = re.sub(r'(<g|<text) id="[a-z][\w.]*_\d+"', r"\1", text)
    text = re.sub(r"font-family: [^;\"]*;?|font: (\d+)px [^;\"]*", _font, text)
    for colour, name in VARIABLES.items():
        text = text.replace(colour, f"var(--fig-{name}, {colour})")
    text = re.sub(r"(\d+\.\d\d)\d+", r"\1", text)  # a hundredth of a pixel will do
    text = re.sub(r"\s*\n\s*", " ", text).replace("> <", "><")
    width, height = (round(72 * inches) for inches in fig.get_size_inches())
    head = (
        f'<svg viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{html.escape(alt)}" '
        f'style="max-width:{width}px" stroke-linejoin="round">'
    )
    return head + text[text.index(">") + 1 :].strip()


def _font(match: re.Match) -> str:
    return f"font-size: {match[1]}px" if match[1] else ""


def caption_html(caption: str) -> str:
    """A caption's first sentence, its finding, in strong type; *word* in italics."""
    finding, end, rest = html.escape(caption).partition(". ")
    text = f"<strong>{finding}{end.strip()}</strong> {rest}".strip()
    return re.sub(r"\*(\S(?:[^*]*\S)?)\*", r"<em>\1</em>", text)


def describe(axes: list[Axes]) -> str:
    """How many numbers and texts were drawn and the numbers' mean: stable in tests."""
    numbers = np.concatenate([np.ravel(x) for ax in axes for x in _numbers(ax)] or [[]])
    numbers = numbers[np.isfinite(numbers)]
    texts = sum(len(ax.texts) for ax in axes)
    mean = numbers.mean() if len(numbers) else 0.0
    if len(numbers) and abs(mean) < 1e-9 * np.abs(numbers).mean():
        mean = 0.0  # centred: what is left is rounding
    return f"<figure: {texts} texts, {len(numbers)} numbers, mean {mean:.3g}>"


def _numbers(ax: Axes) -> Iterator[Any]:
    """The data behind lines, points, bars and meshes."""
    for line in ax.lines:
        yield np.asarray(line.get_xydata(), float)
    for collection in ax.collections:
        offsets = np.ma.filled(collection.get_offsets(), np.nan)
        values = collection.get_array()
        yield offsets if values is None else np.ma.filled(values, np.nan)
    for patch in ax.patches:
        if isinstance(patch, Rectangle):
            yield [patch.get_width(), patch.get_height()]
