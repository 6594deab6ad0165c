"""A model that grades answers, learned from which of two somebody liked better.

Bradley and Terry 1952; Ouyang et al. 2022, equation 1. Page: code/reward-model.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from insidegpt.align.sft import Example, order, pad
from insidegpt.model.gpt import GPT
from insidegpt.text.batches import IGNORED, Batch
from insidegpt.text.chat import Message, encode_chat
from insidegpt.text.interface import Tokenizer
from insidegpt.train.loss import Loss, token_logprobs


class RewardModel(nn.Module):
    """A transformer that reads a text and gives its last answer a number.

    Deviation: beside the number read at the last token, the log-probability that the
    model itself gives to the answer counts, with a weight that is learned. Whether an
    answer is true is then a matter of what the trunk expected, which a model as small
    as ours doesn't carry to the last token by itself.
    """

    def __init__(self, trunk: GPT) -> None:
        super().__init__()
        self.trunk = trunk
        like = {"dtype": trunk.dtype, "device": trunk.device}
        self.score = nn.Parameter(torch.zeros(trunk.config.d_model, **like))
        self.belief = nn.Parameter(torch.zeros((), **like))  # reward a nat

    def forward(
        self, ids: Int[Tensor, "B T"], targets: Int[Tensor, "B T"]
    ) -> Float[Tensor, " B"]:
        """The reward of each text; its targets are the tokens of its answer."""
        x = self.trunk.hidden(ids)  # (B, T, C)
        likely = token_logprobs(self.trunk.logits(x), targets).sum(1)
        places = torch.arange(ids.shape[1], device=ids.device)
        ends = torch.where(targets != IGNORED, places, -1).amax(1) + 1
        last = self.trunk.norm(x[torch.arange(len(ids), device=ids.device), ends])
        return last @ self.score + self.belief * likely


class Pair(NamedTuple):
    """Two answers to one prompt, each as a whole text; the first was preferred."""

    chosen: Example
    rejected: Example


def encode_pair(
    tokenizer: Tokenizer, prompt: Sequence[Message], chosen: str, rejected: str
) -> Pair:
    """A conversation up to a question, and two answers; these alone are learned from.

    Raises ValueError for an empty answer.
    """
    if not (chosen and rejected):
        raise ValueError("One of the two answers is empty.")
    return Pair(
        encode_answer(tokenizer, prompt, chosen),
        encode_answer(tokenizer, prompt, rejected),
    )


def encode_answer(
    tokenizer: Tokenizer, prompt: Sequence[Message], answer: str
) -> Example:
    """A conversation up to a question, and an answer, which alone is learned from."""
    asked = encode_chat(tokenizer, prompt)
    said = [*tokenizer.encode(answer), tokenizer.end_ids[-1]]
    return Example([*asked, *said], [False] * len(asked) + [True] * len(said))


def checked(pairs: Sequence[Pair]) -> Sequence[Pair]:
    """The pairs. Raises ValueError for none, for equal sides and for empty answers."""
    if not pairs:
        raise ValueError("There are no pairs to learn from.")
    for place, pair in enumerate(pairs):
        if pair.chosen.ids == pair.rejected.ids:
            raise ValueError(f"Both sides of pair {place} are the same text.")
        if not (any(pair.chosen.learn) and any(pair.rejected.learn)):
            raise ValueError(f"One side of pair {place} has an empty answer.")
    return pairs


class Comparisons:
    """Batches of pairs, in an order of their own in each epoch: first all that were
    chosen, then all that were rejected."""

    def __init__(self, pairs: Sequence[Pair], *, rows: int, seed: int = 0) -> None:
        self.pairs, self.rows, self.seed = checked(pairs), rows, seed

    def __getitem__(self, number: int) -> Batch:
        places = order(len(self.pairs), self.rows, number, seed=self.seed)
        some = [self.pairs[place] for place in places]
        return whole_texts(
            [pair.chosen for pair in some] + [pair.rejected for pair in some]
        )


def whole_texts(texts: Sequence[Example]) -> Batch:
    """Texts with their last token, which ``pad`` leaves out as no target needs it."""
    return pad([Example([*ids, 0], [*learn, False]) for ids, learn in texts])


@torch.no_grad()
def rate(
    model: RewardModel, texts: Sequence[Example], *, rows: int = 128
) -> list[float]:
    """The reward of each text."""
    rewards = [0.0] * len(texts)
    by_length = sorted(range(len(texts)), key=lambda place: len(texts[place].ids))
    for start in range(0, len(texts), rows):
        places = by_length[start : start + rows]
        scores = model(*whole_texts([texts[p] for p in places]).to(model.score.device))
        for place, score in zip(places, scores.tolist(), strict=True):
            rewards[place] = score
    return rewards


def reward_loss(model: RewardModel, batch: Batch) -> Loss:
    """- log sigma(r(chosen) - r(rejected)), summed over pairs."""
    chosen, rejected = model(*batch).chunk(2)
    return Loss(-F.logsigmoid(chosen - rejected).sum(), len(chosen))
