"""A view: one drawing for the live notebook and for the static page.

It is plain data and the name of a script in ``views/`` that draws it. In a built page
the data stands in the page and the script finds it there; with a kernel the same script
runs in a widget.
"""

import html
import json
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from insidegpt.show.svg import caption_html

VIEWS = Path(__file__).parent / "views"
SHARED = ("base", "bpe")  # scripts that draw nothing
NAMES = (
    "tokens",
    "attention",
    "positions",
    "logits",
    "sampling",
    "steps",
    "predict",
    "replay",
    "roofline",
    "neighbours",
    "request",
    "moments",
    "kernel",
    "guess",
    "budget",
    "ring",
    "descent",
    "growth",
    "cost",
    "origins",
)
# What a stage says where no script has drawn on it.
ASLEEP = '<p class="ig-note">To use this view, run its cell, or allow scripts.</p>'
TAIL = """
export default {
  render({ model, el }) {
    el.innerHTML = model.get("markup");
    insideGPT.mount(el.querySelector("figure"), model.get("kind"), model.get("data"),
      { extra: model.get("extra") });
  },
};
"""


@cache
def script() -> str:
    """The scripts of all views as one module, for a widget in a notebook."""
    parts = [(VIEWS / f"{name}.js").read_text("utf-8") for name in (*SHARED, *NAMES)]
    return "\n".join([*parts, TAIL])


class View(anywidget.AnyWidget):
    """A drawing with data, its title above it and its caption below.

    fallback: HTML that stands on the stage where no script runs. extra: what a script
    may need later; a kernel sends it along, a page loads it as a file when it does.
    """

    _css = (VIEWS / "views.css").read_text("utf-8")
    kind = traitlets.Unicode().tag(sync=True)
    data = traitlets.Dict().tag(sync=True)
    markup = traitlets.Unicode().tag(sync=True)
    extra = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        kind: str,
        data: dict[str, Any],
        *,
        title: str = "",
        caption: str = "",
        alt: str,
        fallback: str = "",
        extra: dict[str, Any] | None = None,
    ) -> None:
        if kind not in NAMES:
            raise ValueError(
                f"There is no view {kind!r}; there are {', '.join(NAMES)}."
            )
        if not all(isinstance(x, str) or math.isfinite(x) for x in _leaves(data)):
            raise ValueError(f"A number for the view {kind!r} is infinite or not one.")
        named = f'<strong class="ig-title">{html.escape(title)}</strong>'
        head = f'<div class="ig-head">{named}</div>' if title else ""
        stage = f'<div class="ig-stage">{fallback}{ASLEEP}</div>'
        words = f"<figcaption>{caption_html(caption)}</figcaption>" if caption else ""
        super().__init__(
            _esm=script(),
            kind=kind,
            data=data,
            extra=extra or {},
            markup=f'<figure data-view="{kind}" aria-label="{html.escape(alt)}">'
            f"{head}{stage}{words}</figure>",
        )

    def __repr__(self) -> str:
        """The same in every run, and sensitive to the data beyond rounding."""
        leaves = list(_leaves(self.data))
        numbers = [x for x in leaves if not isinstance(x, str)]
        mean = sum(numbers) / max(1, len(numbers))
        texts = len(leaves) - len(numbers)
        return (
            f"<view {self.kind}: {texts} texts, {len(numbers)} numbers, "
            f"mean {mean:.4g}>"
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        bundle, metadata = super()._repr_mimebundle_(**kwargs)
        data = json.dumps(self.data, separators=(",", ":"), ensure_ascii=False)
        # Neither may stand in a script: an end, and what makes HTML overlook the end.
        data = data.replace("</", "<\\/").replace("<!--", "\\u003c!--")
        page = f'<script type="application/json">{data}</script></figure>'
        text = {
            "text/plain": repr(self),
            "text/html": self.markup.replace("</figure>", page),
        }
        return bundle | text, metadata


def _leaves(data: Any) -> Iterator[str | float]:
    """Every text and number in nested dicts and lists."""
    if isinstance(data, dict):
        data = list(data.values())
    if isinstance(data, list):
        for item in data:
            yield from _leaves(item)
    elif isinstance(data, str | int | float) and not isinstance(data, bool):
        yield data
