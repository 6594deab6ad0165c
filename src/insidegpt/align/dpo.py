"""Preferences without a reward model: the model's own log-probabilities are rewards.

DPO: Rafailov et al. 2023, equation 7. IPO: Azar et al. 2024, equation 17. Both compare
*sums* of log-probabilities over an answer's tokens. Page: code/preference-optimization.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from insidegpt.align.reward import Pair, checked
from insidegpt.align.sft import order, pad
from insidegpt.model.gpt import GPT
from insidegpt.train.loss import Loss, token_logprobs


class Preferred(NamedTuple):
    """Pairs, chosen first and then rejected, and what the reference thinks of them."""

    ids: Int[Tensor, "R T"]
    targets: Int[Tensor, "R T"]
    reference: Float[Tensor, " R"]  # log-probability of each answer

    def to(self, device: torch.device | str) -> "Preferred":
        return Preferred(*(part.to(device) for part in self))


class Preferences:
    """Batches of pairs; the reference model reads each once, when it is asked for."""

    def __init__(
        self, pairs: Sequence[Pair], reference: GPT, *, rows: int, seed: int = 0
    ) -> None:
        self.pairs, self.rows, self.seed = checked(pairs), rows, seed
        self.reference = reference

    def __getitem__(self, number: int) -> Preferred:
        places = order(len(self.pairs), self.rows, number, seed=self.seed)
        some = [self.pairs[place] for place in places]
        batch = pad([pair.chosen for pair in some] + [pair.rejected for pair in some])
        with torch.no_grad():
            known = batch.to(self.reference.device)
            found = answer_logprobs(self.reference, *known).to(batch.ids.device)
        return Preferred(*batch, found)


def answer_logprobs(
    model: GPT, ids: Int[Tensor, "R T"], targets: Int[Tensor, "R T"]
) -> Float[Tensor, " R"]:
    """Log-probability of each row's targets as a whole: a sum, never a mean."""
    return token_logprobs(model(ids), targets).sum(-1)


def margins(model: GPT, batch: Preferred) -> Float[Tensor, " B"]:
    """How much more the model has moved towards the chosen answer, in nats."""
    ratio = answer_logprobs(model, batch.ids, batch.targets) - batch.reference
    chosen, rejected = ratio.chunk(2)
    return chosen - rejected


def dpo_loss(beta: float) -> Callable[[GPT, Preferred], Loss]:
    """- log sigma(beta times the margin), summed over pairs."""

    def loss(model: GPT, batch: Preferred) -> Loss:
        margin = margins(model, batch)
        return Loss(-F.logsigmoid(beta * margin).sum(), len(margin))

    return loss


def ipo_loss(beta: float) -> Callable[[GPT, Preferred], Loss]:
    """(margin - 1 / (2 beta)) squared: a margin to reach, and none beyond it.

    Deviation from TRL, which divides each log-probability by its number of tokens.
    """

    def loss(model: GPT, batch: Preferred) -> Loss:
        margin = margins(model, batch)
        return Loss((margin - 1 / (2 * beta)).square().sum(), len(margin))

    return loss
