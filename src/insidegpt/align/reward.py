"""A model that grades answers, learned from which of two somebody liked better.

Bradley and Terry 1952; Ouyang et al. 2022, equation 1. Page: code/reward-model.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from insidegpt.align.sft import Example, order, pad
from insidegpt.model.gpt import GPT
from insidegpt.text.chat import Message, encode_chat
from insidegpt.text.interface import Tokenizer
from insidegpt.train.loss import Loss


class RewardModel(nn.Module):
    """A transformer with one number in the place of its logits, at a text's end."""

    def __init__(self, trunk: GPT) -> None:
        super().__init__()
        self.trunk = trunk
        like = {"dtype": trunk.dtype, "device": trunk.device}
        self.score = nn.Parameter(torch.zeros(trunk.config.d_model, **like))

    def forward(
        self, ids: Int[Tensor, "B T"], ends: Int[Tensor, " B"]
    ) -> Float[Tensor, " B"]:
        """The reward of each text, read at its last token, whose place ``ends`` is."""
        hidden = self.trunk.norm(self.trunk.hidden(ids))  # (B, T, C)
        return hidden[torch.arange(len(ids), device=ids.device), ends] @ self.score


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
    asked = encode_chat(tokenizer, prompt)
    texts = []
    for answer in (chosen, rejected):
        said = [*tokenizer.encode(answer), tokenizer.end_ids[-1]]
        learn = [False] * len(asked) + [True] * len(said)
        texts.append(Example([*asked, *said], learn))
    return Pair(*texts)


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


class Compared(NamedTuple):
    """A batch of pairs: first all that were chosen, then all that were rejected."""

    ids: Int[Tensor, "R T"]
    ends: Int[Tensor, " R"]

    def to(self, device: torch.device | str) -> "Compared":
        return Compared(self.ids.to(device), self.ends.to(device))


class Comparisons:
    """Batches of pairs, in an order of their own in each epoch."""

    def __init__(self, pairs: Sequence[Pair], *, rows: int, seed: int = 0) -> None:
        self.pairs, self.rows, self.seed = checked(pairs), rows, seed

    def __getitem__(self, number: int) -> Compared:
        places = order(len(self.pairs), self.rows, number, seed=self.seed)
        return compared([self.pairs[place] for place in places])


def compared(pairs: Sequence[Pair]) -> Compared:
    """Texts with their last token, which ``pad`` leaves out as no input needs it."""
    texts = [pair.chosen.ids for pair in pairs] + [pair.rejected.ids for pair in pairs]
    rows = [Example([*ids, 0], [False] * (len(ids) + 1)) for ids in texts]
    return Compared(pad(rows).ids, torch.tensor([len(ids) - 1 for ids in texts]))


@torch.no_grad()
def rate(
    model: RewardModel, texts: Sequence[Sequence[int]], *, rows: int = 128
) -> list[float]:
    """The reward of each text, given as ids, the last of which ends the answer."""
    rewards = [0.0] * len(texts)
    by_length = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    for start in range(0, len(texts), rows):
        places = by_length[start : start + rows]
        some = [torch.tensor(texts[place]) for place in places]
        ends = torch.tensor([len(text) - 1 for text in some])
        ids = pad_sequence(some, batch_first=True)
        scores = model(ids.to(model.score.device), ends.to(model.score.device))
        for place, score in zip(places, scores.tolist(), strict=True):
            rewards[place] = score
    return rewards


def reward_loss(model: RewardModel, batch: Compared) -> Loss:
    """- log sigma(r(chosen) - r(rejected)), summed over pairs."""
    chosen, rejected = model(batch.ids, batch.ends).chunk(2)
    return Loss(-F.logsigmoid(chosen - rejected).sum(), len(chosen))
