"""The view of the logit lens: what the model would say at every depth."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from insidegpt.show.view import View
from insidegpt.text.interface import Tokenizer


def logits_view(
    tokenizer: Tokenizer,
    ids: Sequence[int],
    logits: Float[Tensor, "depth T V"],
    *,
    depths: Sequence[int] = (0,),
    k: int = 6,
    caption: str,
    alt: str,
) -> View:
    """The k likeliest next tokens at every position, read at one or more depths."""
    top = logits.softmax(-1).topk(k)
    rows = [
        [
            [[tokenizer.decode([i]), round(p, 4)] for p, i in zip(ps, ks, strict=True)]
            for ps, ks in zip(values, indices, strict=True)
        ]
        for values, indices in zip(
            top.values.tolist(), top.indices.tolist(), strict=True
        )
    ]
    tokens = [tokenizer.decode([i]) for i in ids]
    data = {"tokens": tokens, "depths": list(depths), "top": rows}
    return View("logits", data, caption=caption, alt=alt)
