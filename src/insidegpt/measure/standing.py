"""Where a policy stands: what its answers are worth by gold, and how far it has gone.

Answers are drawn at temperature 1, one a question, as they are in reinforcement
learning. Page: code/rlhf.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from insidegpt.align.ppo import Grade
from insidegpt.align.rollout import roll_out
from insidegpt.measure.replies import grade
from insidegpt.model.gpt import GPT
from insidegpt.text.chat import encode_chat
from insidegpt.text.interface import Tokenizer
from insidegpt.text.world.dialogues import Talk
from insidegpt.text.world.preferences import POLITE, Gold
from insidegpt.train.loss import token_logprobs

MAX_NEW_TOKENS = 24


class Standing(NamedTuple):
    """Means over questions. Shares are of those that have an answer, or have none."""

    gold: float
    kl: float  # nats an answer, from the reference; the mean of k1
    right: float  # of the answerable
    wrong: float  # of the answerable
    refused: float  # of the answerable: "I don't know"
    admitted: float  # of the others: "I don't know"
    odd: float  # of all: of no form that was taught, or in another manner
    tokens: float  # of an answer
    polite: float  # of all: begin with POLITE, asked for or not
    proxy: float  # what another judge gives; NaN without one


def assess(
    model: GPT,
    reference: GPT,
    tokenizer: Tokenizer,
    talks: Sequence[Talk],
    *,
    gold: Gold | None = None,
    proxy: Grade | None = None,
    seed: int = 0,
) -> Standing:
    """One answer to each question, and what they are.

    proxy: another judge, who knows the questions by their numbers.
    """
    gold, model = gold or Gold(), model.eval()
    rollout = roll_out(
        model,
        [encode_chat(tokenizer, talk.prompt) for talk in talks],
        max_new_tokens=MAX_NEW_TOKENS,
        end=tokenizer.end_ids[-1],
        seed=seed,
    )
    with torch.no_grad():
        known = token_logprobs(reference(rollout.ids), rollout.targets)
    texts = [tokenizer.decode(answer) for answer in rollout.answers]
    worth = [gold(talk, text) for talk, text in zip(talks, texts, strict=True)]
    kinds = [grade(talk, text) for talk, text in zip(talks, texts, strict=True)]
    open_ = [k for k, talk in zip(kinds, talks, strict=True) if talk.answerable]
    others = proxy(range(len(talks)), rollout.answers) if proxy else [float("nan")]
    closed = [k for k, talk in zip(kinds, talks, strict=True) if not talk.answerable]
    return Standing(
        sum(worth) / len(worth),
        (rollout.logprobs - known).sum(1).mean().item(),
        *(fraction(open_, kind) for kind in ("right", "wrong", "unknown")),
        fraction(closed, "unknown"),
        fraction(kinds, "odd"),
        rollout.said.sum(1).float().mean().item(),
        sum(text.startswith(POLITE) for text in texts) / len(texts),
        sum(others) / len(others),
    )


def fraction(kinds: Sequence[str], kind: str) -> float:
    """How many of these are of that kind; 0 of none."""
    return kinds.count(kind) / len(kinds) if kinds else 0.0
