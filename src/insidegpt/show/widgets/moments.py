"""The view of a training: its loss, what it wrote and what it believed at moments."""

import html
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from insidegpt.show import plots
from insidegpt.show.view import View

POINTS = 90  # of the curve


def moments_view(
    run: dict[str, Any], *, begin: int, title: str, caption: str, alt: str
) -> View:
    """A slider over the moments of a run of ``benchmarks/pretraining.py``.

    begin: the number of the moment that is shown first.
    """
    curve, tokens = run["losses"], run["tokens_per_step"]
    moments = [
        {
            "step": m["step"],
            "loss": curve[nearest(curve, m["step"])][1],
            "text": m["text"],
            "beliefs": m["beliefs"],
        }
        for m in run["moments"]
    ]
    data = {"tokens": tokens, "losses": curve, "moments": moments, "begin": begin}

    def paint(ax: Axes) -> None:
        ax.plot(*zip(*curve, strict=True), color=plots.TRAIN)
        ax.set(
            xscale="log", xlabel="steps", ylabel="loss, nats a token", ylim=(0, None)
        )

    drawn, _ = plots.pictures(paint, alt=alt, height=200)
    told = html.escape(moments[-1]["text"])
    fallback = f"{drawn}<p>In the end it writes: {told}</p>"
    words = {"title": title, "caption": caption, "alt": alt, "fallback": fallback}
    return View("moments", data, **words)


def smooth(losses: list[float]) -> list[list[float]]:
    """Pairs of a step, from 1 on, and the mean loss of the steps around it.

    Steps lie evenly on a logarithmic scale, and each mean is over a tenth of its step.
    """
    last = len(losses)
    steps = np.unique(np.geomspace(1, last, POINTS).round().astype(int)).tolist()
    pairs = []
    for step in steps:
        around = losses[max(0, step - 1 - step // 20) : step + step // 20]
        pairs.append([step, round(float(np.mean(around)), 3)])
    return pairs


def nearest(curve: list[list[float]], step: int) -> int:
    """The place of the pair whose step is nearest."""
    return min(range(len(curve)), key=lambda n: abs(curve[n][0] - step))
