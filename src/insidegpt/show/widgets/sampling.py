"""The view of sampling: temperature and filters at work on real logits."""

import numpy as np
from jaxtyping import Float
from torch import Tensor

from insidegpt.show.view import View
from insidegpt.text.interface import Tokenizer


def sampling_view(
    tokenizer: Tokenizer,
    logits: dict[str, Float[Tensor, " V"]],
    *,
    k: int = 100,
    caption: str,
    alt: str,
) -> View:
    """Filters at work on the real logits after some prompts; the tail is binned."""
    prompts = []
    for prompt, scores in logits.items():
        ordered = scores.sort(descending=True)
        values = [round(v, 3) for v in ordered.values[:k].tolist()]
        names = [tokenizer.decode([i]) for i in ordered.indices[:k].tolist()]
        counts, edges = np.histogram(ordered.values[k:].numpy(), bins=60)
        middles = [round(m, 3) for m in ((edges[1:] + edges[:-1]) / 2).tolist()]
        rest = [[m, n] for m, n in zip(middles, counts.tolist(), strict=True) if n]
        top = [list(row) for row in zip(names, values, strict=True)]
        prompts.append({"prompt": prompt, "top": top, "rest": rest})
    return View("sampling", {"prompts": prompts}, caption=caption, alt=alt)
