"""The view of attention: a map of all heads, and one of them over its sentence."""

import base64
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from insidegpt.show import plots
from insidegpt.show.view import View


class Looks(NamedTuple):
    """One sentence and where every head of a model looks in it."""

    tokens: Sequence[str]
    weights: Float[Tensor, "L H T T"]
    # What ln P(target) loses, in nats, when one head no longer sees along the wire.
    costs: Float[Tensor, "L H"] | None = None
    wire: tuple[int, int] = (0, 0)  # from the token that asks to the one that answers
    target: str = ""  # the next token, and its probability with nothing cut
    before: float = 0.0


def attention_view(
    sentences: Sequence[Looks],
    *,
    layer: int = 0,
    head: int = 0,
    known: Sequence[tuple[str, int, int]] = (),
    title: str,
    caption: str,
    alt: str,
) -> View:
    """A map of all heads, and one of them over its sentence; the last one comes first.

    known: (name, layer, head) to jump to; layer -1 is the average of all heads.
    """
    texts = []
    for looks in sentences:
        n_layers, n_heads, T, _ = looks.weights.shape
        below = looks.weights[:, :, *torch.tril_indices(T, T)]  # (L, H, T (T + 1) / 2)
        stored = (below * 255).round().to(torch.uint8).numpy().tobytes()
        text = {"tokens": list(looks.tokens), "target": looks.target}
        text |= {"weights": base64.b64encode(stored).decode(), "wire": [*looks.wire]}
        if looks.costs is not None:
            text["costs"] = [round(c, 4) for c in looks.costs.flatten().tolist()]
            text["before"] = round(looks.before, 4)
        texts.append(text)
    data = {"texts": texts, "text": len(texts) - 1, "layers": n_layers}
    data |= {"heads": n_heads, "layer": layer, "head": head}
    data["known"] = [list(entry) for entry in known]
    t, s = looks.wire

    def squares(ax: Axes) -> None:
        layers, heads = np.mgrid[:n_layers, :n_heads]
        sizes = 90 * looks.weights[:, :, t, s].numpy()
        ax.scatter(layers, heads, s=sizes, marker="s", color=plots.QUERY)
        ax.set(
            xlabel="layer",
            ylabel="head",
            title=f"{looks.tokens[t]} to {looks.tokens[s]}",
        )
        ax.invert_yaxis()

    fallback, _ = plots.pictures(squares, alt=alt, height=240)
    words = {"title": title, "caption": caption, "alt": alt, "fallback": fallback}
    return View("attention", data, **words)
