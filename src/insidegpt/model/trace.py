"""The same forward pass, written so that it keeps what the fast one throws away.

Page: algorithm/the-whole-model.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from insidegpt.model.attention import Context, attention_weights, causal_mask
from insidegpt.model.gpt import GPT


class Trace(NamedTuple):
    """What one sequence leaves behind on its way through the model."""

    # Depth L + 1: before block 0, after block 0, .. after block L - 1.
    residual: Float[Tensor, "depth T C"]
    # [l, h, t, s]: how much position t looks at s.
    attention: Float[Tensor, "L H T T"]
    logits: Float[Tensor, "T V"]


@torch.inference_mode()
def trace(model: GPT, ids: Int[Tensor, " T"]) -> Trace:
    """Run ``model`` on one sequence and keep every block's input and attention."""
    model.check(ids[None])
    positions = torch.arange(len(ids), device=ids.device)[None]  # (1, T)
    mask = causal_mask(len(ids), len(ids)).to(ids.device)
    x, rope = model.start(ids[None], positions)
    residual, attention = [x], []
    for block in model.blocks:
        q, k, _ = block.attention.project(block.norm1(x), rope)
        attention.append(attention_weights(q, k, mask))  # (1, H, T, T)
        x = block(x, Context(rope=rope))
        residual.append(x)
    return Trace(torch.cat(residual), torch.cat(attention), model.logits(x)[0])


@torch.inference_mode()
def logit_lens(
    model: GPT, residual: Float[Tensor, "depth T C"]
) -> Float[Tensor, "depth T V"]:
    """Read every depth of the residual stream as if the model ended there.

    nostalgebraist 2020, "interpreting GPT: the logit lens".
    """
    return model.logits(residual)
