"""Supervised fine-tuning: conversations as batches, and nothing else.

The loop and the loss are those of pretraining; what differs is that only the
assistant's tokens are targets. Ouyang et al. 2022, section 3.5. Page: code/fine-tuning.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Int
from torch import Tensor

from insidegpt.text.batches import IGNORED, Batch, Batches
from insidegpt.text.chat import Message, encode_dialogue
from insidegpt.text.interface import Tokenizer


class Example(NamedTuple):
    """Ids of a text, and which of them are to be learned."""

    ids: list[int]
    learn: list[bool]


def encode_examples(
    tokenizer: Tokenizer,
    dialogues: Sequence[Sequence[Message]],
    *,
    context_tokens: int,
) -> list[Example]:
    """Conversations in the tokenizer's template; only the assistant's turns count.

    Raises ValueError for one without such a turn, and for one that is too long.
    """
    examples = []
    for number, messages in enumerate(dialogues):
        ids, learn = encode_dialogue(tokenizer, messages)
        if not any(learn):
            raise ValueError(f"In dialogue {number} the assistant says nothing.")
        if len(ids) > context_tokens + 1:
            raise ValueError(
                f"Dialogue {number} has {len(ids)} tokens, and the context holds "
                f"{context_tokens}: shorten it."
            )
        examples.append(Example(ids, learn))
    return examples


class Examples:
    """Batches of examples, each once an epoch, in an order of its own."""

    def __init__(
        self, examples: Sequence[Example], *, rows: int, seed: int = 0
    ) -> None:
        if not examples:
            raise ValueError("There are no examples to learn from.")
        self.examples, self.rows, self.seed = examples, rows, seed

    def __getitem__(self, number: int) -> Batch:
        places = order(len(self.examples), self.rows, number, seed=self.seed)
        return pad([self.examples[place] for place in places])


class Replayed:
    """Batches of examples, with rows of an older text below, so that less is forgotten.

    Ouyang et al. 2022, section 3.5, mix pretraining's updates into reinforcement
    learning in this way; here every token that is learned counts the same.
    """

    def __init__(self, examples: Examples, text: Batches) -> None:
        self.examples, self.text = examples, text

    def __getitem__(self, number: int) -> Batch:
        parts = (self.examples[number], self.text[number])
        width = max(part.ids.shape[1] for part in parts)
        ids = [F.pad(p.ids, (0, width - p.ids.shape[1])) for p in parts]
        targets = [
            F.pad(p.targets, (0, width - p.targets.shape[1]), value=IGNORED)
            for p in parts
        ]
        return Batch(torch.cat(ids), torch.cat(targets))


def order(count: int, rows: int, number: int, *, seed: int) -> list[int]:
    """Which of ``count`` things are in batch ``number``: each once an epoch."""
    found = []
    for place in range(number * rows, (number + 1) * rows):
        epoch, at = divmod(place, count)
        found.append(int(np.random.default_rng((seed, epoch)).permutation(count)[at]))
    return found


def pad(examples: Sequence[Example]) -> Batch:
    """Rows of one length: what is padding, or not to be learned, is no target."""
    width = max(len(example.ids) for example in examples) - 1
    ids: Int[Tensor, "B T"] = torch.zeros(len(examples), width, dtype=torch.long)
    targets = torch.full_like(ids, IGNORED)
    for row, (text, learn) in enumerate(examples):
        length = len(text) - 1
        ids[row, :length] = torch.tensor(text[:-1])
        counts: Bool[Tensor, " T"] = torch.tensor(learn[1:])
        targets[row, :length] = torch.where(counts, torch.tensor(text[1:]), IGNORED)
    return Batch(ids, targets)
