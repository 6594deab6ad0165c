"""RMSNorm as one step of PyTorch's graph, with the way back that we derived by hand.

On a processor PyTorch makes RMSNorm of a chain of small operations, and keeps what each
of them needs. One step keeps x over its size, and the size. The derivation is that of
``train.by_hand``. Page: tools/pytorch.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from insidegpt.model.layers import RMSNorm


class OneStepNorm(torch.autograd.Function):
    """What goes forward, what is kept for the way back, and the way back."""

    @staticmethod
    def forward(ctx, x, weight, eps):
        over = (x.square().mean(-1, keepdim=True) + eps).rsqrt_()  # one over the size
        unit = x * over
        ctx.save_for_backward(unit, over, weight)
        return unit * weight

    @staticmethod
    def backward(ctx, d):
        unit, over, weight = ctx.saved_tensors
        inner = d * weight
        along = (inner * unit).mean(-1, keepdim=True)  # a longer x changes nothing
        dx = inner.addcmul_(unit, along, value=-1).mul_(over)
        return dx, (d * unit).flatten(0, -2).sum(0), None


class OwnNorm(RMSNorm):
    """RMSNorm by ``OneStepNorm``."""

    def forward(self, x: Float[Tensor, "*any C"]) -> Float[Tensor, "*any C"]:
        return OneStepNorm.apply(x, self.weight, self.eps)


def use_own_norms(model: nn.Module) -> None:
    """Let every RMSNorm of a model be an ``OwnNorm``, with the weights that it has."""
    for module in model.modules():
        if type(module) is RMSNorm:
            module.__class__ = OwnNorm
