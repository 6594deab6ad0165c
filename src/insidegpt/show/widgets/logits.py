"""The view of the logit lens: what the model would say at every depth."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from insidegpt.show import plots
from insidegpt.show.view import View
from insidegpt.text.interface import Tokenizer


def logits_view(
    tokenizer: Tokenizer,
    ids: Sequence[int],
    logits: Float[Tensor, "depth T V"],
    *,
    depth: int | None = None,
    k: int = 6,
    title: str = "",
    caption: str,
    alt: str,
) -> View:
    """The likeliest next token at every depth and position, and how it got there.

    logits: one depth (the model's own), or all of them, as ``logit_lens`` reads them:
    before block 0, after block 0, and so on. depth: which one is chosen at first, the
    last if not given. For each position the view also keeps the rank, from 1 on, that
    its final best token has at each depth; ranks are taken on logits, which do not
    underflow.
    """
    top = logits.double().softmax(-1).topk(k)
    name = {i: tokenizer.decode([i]) for i in set(top.indices.flatten().tolist())}
    rows = [
        [[name[i], round(p, 4)] for p, i in zip(ps, choices, strict=True)]
        for ps, choices in zip(
            top.values.flatten(0, 1).tolist(),
            top.indices.flatten(0, 1).tolist(),
            strict=True,
        )
    ]
    T = len(ids)
    data = {"tokens": [tokenizer.decode([i]) for i in ids]}
    data["top"] = [rows[at : at + T] for at in range(0, len(rows), T)]
    data["ranks"] = ranks_of_the_last_choice(logits).T.tolist()  # by position
    data["depth"] = len(logits) - 1 if depth is None else depth

    def line(ax: Axes) -> None:
        ax.semilogy(data["ranks"][-1], color=plots.TOKEN, marker="o", ms=3)
        ax.invert_yaxis()
        ax.set(xlabel="blocks passed", ylabel=f"rank of {data['top'][-1][-1][0][0]!r}")

    fallback, _ = plots.pictures(line, alt=alt, height=260)
    words = {"title": title, "caption": caption, "alt": alt, "fallback": fallback}
    return View("logits", data, **words)


def ranks_of_the_last_choice(logits: Float[Tensor, "depth T V"]) -> Tensor:
    """Rank at each depth and position of the token that is best at the last depth."""
    best = logits[-1].argmax(-1)  # (T,)
    own = logits[:, torch.arange(len(best)), best]  # (depth, T)
    return (logits > own[..., None]).sum(-1) + 1
