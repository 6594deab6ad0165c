"""Answers that a model gives, and how probable it found each of their tokens.

Page: code/rlhf.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from insidegpt.align.sft import Example, pad
from insidegpt.infer.generate import generate_batch
from insidegpt.infer.sampling import Sampling
from insidegpt.model.gpt import GPT
from insidegpt.text.batches import IGNORED
from insidegpt.train.loss import token_logprobs


class Rollout(NamedTuple):
    """A batch of prompts and answers, padded on the right."""

    answers: list[list[int]]  # without the token that ends them
    ids: Int[Tensor, "B T"]
    targets: Int[Tensor, "B T"]  # IGNORED but for the answers and their ends
    logprobs: Float[Tensor, "B T"]  # of the targets, when they were drawn

    @property
    def said(self) -> Bool[Tensor, "B T"]:
        """Where the model decided."""
        return self.targets != IGNORED


def finite(rewards: Sequence[float]) -> Float[Tensor, " B"]:
    """Rewards as a tensor. Raises ValueError for one that is no number."""
    found = torch.tensor(rewards, dtype=torch.float32)
    if not found.isfinite().all():
        place = int((~found.isfinite()).nonzero()[0])
        raise ValueError(
            f"The reward of answer {place} is {found[place].item()}: it must be a "
            "finite number."
        )
    return found


def frozen(reference: GPT, model: GPT) -> GPT:
    """The reference. Raises ValueError where it would move together with the model."""
    theirs = {p.data_ptr() for p in reference.parameters()}
    if any(p.data_ptr() in theirs for p in model.parameters() if p.requires_grad):
        raise ValueError(
            "The reference shares weights with the model that is trained: give a copy "
            "of it (copy.deepcopy)."
        )
    return reference.eval()


def roll_out(
    model: GPT,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    end: int,
    seed: int,
    temperature: float = 1.0,
) -> Rollout:
    """An answer to each prompt, drawn from the model, up to its end token.

    An answer that is cut at ``max_new_tokens`` has no end token. Log-probabilities are
    read in one pass over the finished texts, at temperature 1: with another temperature
    they are not those of the draw.
    """
    sampling = Sampling(temperature, seed=seed)
    answers = generate_batch(
        model, prompts, max_new_tokens=max_new_tokens, sampling=sampling, stop_ids=[end]
    )
    examples = []
    for prompt, answer in zip(prompts, answers, strict=True):
        ended = [end] if len(answer) < max_new_tokens else []
        said = [*answer, *ended]
        learn = [False] * len(prompt) + [True] * len(said)
        examples.append(Example([*prompt, *said], learn))
    batch = pad(examples).to(model.device)
    with torch.no_grad():
        logprobs = token_logprobs(model(batch.ids), batch.targets)
    return Rollout(answers, batch.ids, batch.targets, logprobs)
