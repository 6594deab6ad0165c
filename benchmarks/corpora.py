"""What the trainings of `mini` share: a world, what is written of it, and batches."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from insidegpt.measure.likelihood import bits_per_byte, text_logprobs
from insidegpt.model.config import PRESETS, GPTConfig
from insidegpt.model.gpt import GPT
from insidegpt.text.batches import Batches, tokenize
from insidegpt.text.interface import Tokenizer
from insidegpt.text.world.documents import write_documents
from insidegpt.text.world.facts import World, build_world
from insidegpt.train.material import END, learn_tokenizer, talks_of

CONTEXT_TOKENS = 128
VOCABULARY = 1024


@dataclass(frozen=True)
class Material:
    """Everything of a seed but the model."""

    seed: int
    world: World
    documents: list[str]
    held_out: list[str]  # one document in fifty, which nobody trains on
    tokenizer: Tokenizer
    batches: Batches

    @property
    def end(self) -> int:
        """The token after each document."""
        return self.tokenizer.special[END]

    def fresh(self, config: GPTConfig = PRESETS["mini"]) -> GPT:
        """A model that has read nothing."""
        return GPT(config, generator=torch.Generator().manual_seed(self.seed))

    def reading(self, texts: Sequence[str]) -> "Material":
        """The same with other texts to train on, and the same tokenizer."""
        tokens = tokenize(self.tokenizer, texts, end=self.end)
        settings = {"rows": self.batches.rows, "seed": self.seed}
        batches = Batches(tokens, context_tokens=CONTEXT_TOKENS, **settings)
        return dataclasses.replace(self, batches=batches)

    def bits_per_byte(self, model: GPT) -> float:
        """What a model makes of the documents that it was not trained on."""
        ids = tokenize(self.tokenizer, self.held_out, end=self.end).tolist()
        scores = text_logprobs(model, ids, context_tokens=CONTEXT_TOKENS)
        return bits_per_byte(scores, len("".join(self.held_out).encode()))


def prepare(seed: int, *, rows: int = 24, more: Sequence[str] = ()) -> Material:
    """A world, its documents, and a tokenizer trained on them and on ``more``."""
    world = build_world(seed)
    documents = write_documents(world, seed)
    cut = len(documents) * 49 // 50
    spoken = talks_of(world)
    tokenizer = learn_tokenizer([*documents, *more, *spoken], VOCABULARY)
    tokens = tokenize(tokenizer, documents[:cut], end=tokenizer.special[END])
    batches = Batches(tokens, context_tokens=CONTEXT_TOKENS, rows=rows, seed=seed)
    return Material(seed, world, documents[:cut], documents[cut:], tokenizer, batches)
