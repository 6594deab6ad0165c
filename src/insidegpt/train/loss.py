"""Cross-entropy, and the log-probability of each token: the only ones in the package.

A loss comes as a sum and the number of tokens in it, never as their quotient: sums of
several micro-batches, or machines, add up to that of one large batch, whatever the
tokens that each of them leaves out. Page: code/pretraining.
"""

from typing import NamedTuple

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from insidegpt.text.batches import IGNORED, Batch


class Loss(NamedTuple):
    """What a step is to lower, over all tokens that count, and how many there are."""

    total: Float[Tensor, ""]  # nats
    tokens: int

    @property
    def mean(self) -> float:
        """Nats a token; NaN where no token counts."""
        return self.total.item() / self.tokens if self.tokens else float("nan")


def token_logprobs(
    logits: Float[Tensor, "*B T V"], targets: Int[Tensor, "*B T"]
) -> Float[Tensor, "*B T"]:
    """Natural logarithm of each target's probability; 0 where it is IGNORED.

    In float32 at least, since a sum over a vocabulary loses too much in 16 bits.
    """
    logits = logits.float() if logits.dtype.itemsize < 4 else logits
    losses = F.cross_entropy(
        logits.flatten(0, -2), targets.flatten(), ignore_index=IGNORED, reduction="none"
    )
    return -losses.view(targets.shape)


def cross_entropy(
    logits: Float[Tensor, "*B T V"], targets: Int[Tensor, "*B T"]
) -> Loss:
    """Minus the log-probabilities of the targets, summed: a code length in nats."""
    total = -token_logprobs(logits, targets).sum()
    return Loss(total, int((targets != IGNORED).sum()))


def next_token_loss(model: nn.Module, batch: Batch) -> Loss:
    """What pretraining and fine-tuning lower; they differ in their batches alone."""
    return cross_entropy(model(batch.ids), batch.targets)
