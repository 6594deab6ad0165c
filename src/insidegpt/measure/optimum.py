"""Where reinforcement learning should end, exactly, and how far from there a model is.

A question about the world has a few dozen possible answers. Over these the policy that
gains most reward for its distance from a reference is known (Ziegler et al. 2019,
section 2; Rafailov et al. 2023, equation 4): the reference's probability times
exp(reward / beta), normed. Page: code/preference-optimization.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from insidegpt.align.kl import exact_kl
from insidegpt.measure.likelihood import ending_logprobs
from insidegpt.model.gpt import GPT
from insidegpt.text.chat import encode_chat
from insidegpt.text.interface import Tokenizer
from insidegpt.text.world.dialogues import Talk
from insidegpt.text.world.preferences import Gold, sayings


class Possible(NamedTuple):
    """All answers that a question can have, and what each is worth."""

    talk: Talk
    texts: list[str]
    rewards: Float[Tensor, " A"]


def enumerate_answers(talk: Talk, gold: Gold) -> Possible:
    """Every value in every manner, "I don't know" among them."""
    texts = [text for _, _, text in sayings(talk)]
    return Possible(talk, texts, torch.tensor([gold(talk, text) for text in texts]))


def answer_table(
    model: GPT, tokenizer: Tokenizer, questions: Sequence[Possible]
) -> list[Float[Tensor, " A"]]:
    """Log-probability of each possible answer, with the token that ends the turn.

    Not normed: one minus the sum of the probabilities is left for all other texts.
    """
    prompts, endings = [], []
    for question in questions:
        prompts += [encode_chat(tokenizer, question.talk.prompt)] * len(question.texts)
        endings += [
            [*tokenizer.encode(text), tokenizer.end_ids[-1]] for text in question.texts
        ]
    sizes = [len(question.texts) for question in questions]
    return list(ending_logprobs(model, prompts, endings).double().split(sizes))


def optimum(
    reference: Float[Tensor, " A"], rewards: Float[Tensor, " A"], *, beta: float
) -> Float[Tensor, " A"]:
    """Log-probabilities of the best policy: log p_ref + reward / beta, normed."""
    if not beta > 0:
        raise ValueError(f"beta must be above 0, not {beta}.")
    return (reference + rewards / beta).log_softmax(-1)


def best_of(
    reference: Float[Tensor, " A"], rewards: Float[Tensor, " A"], *, n: int
) -> Float[Tensor, " A"]:
    """Log-probabilities of the best of n draws, exactly; of equals the first drawn.

    p(answer) = (F^n - G^n) q / (F - G), with q its probability, and F and G those of
    drawing nothing better, and nothing as good.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}.")
    share = reference.softmax(-1)
    as_good = rewards[:, None] == rewards[None, :]
    worse = rewards[:, None] > rewards[None, :]
    level, below = as_good.double() @ share, worse.double() @ share
    return (((level + below) ** n - below**n) * share / level).log()


def grpo_rest(
    reference: Float[Tensor, " A"],
    rewards: Float[Tensor, " A"],
    *,
    beta: float,
    by_deviation: bool = True,
) -> Float[Tensor, " A"]:
    """Log-probabilities of the policy at which GRPO's expected update is zero.

    Its penalty, k3 of an answer as a whole, pulls as KL(reference | policy) does, so
    that at rest p = p_ref / (1 - A / beta) with A the advantages under p itself, in
    large groups and without the clip (after Vojnovic and Yun 2025). The mean
    reward, and around it the deviation, are found by bisection.
    """
    if not beta > 0:
        raise ValueError(f"beta must be above 0, not {beta}.")
    share, worth = reference.double().softmax(-1), rewards.double()
    if worth.max() == worth.min():
        return share.log()

    def at(unit: float) -> Float[Tensor, " A"]:
        """The policy for a given unit of the advantages."""
        low, high = worth.max() - beta * unit, worth.max()  # of the mean reward
        for _ in range(60):
            middle = (low + high) / 2
            total = (share / (1 - (worth - middle) / (beta * unit))).sum()
            low, high = (middle, high) if total > 1 else (low, middle)
        return share / (1 - (worth - high) / (beta * unit))

    if not by_deviation:
        return at(1.0).log()
    low, high = 0.0, (worth.max() - worth.min()).item()
    for _ in range(60):
        unit = (low + high) / 2
        policy = at(unit)
        spread = (policy * (worth - policy @ worth) ** 2).sum().sqrt()
        low, high = (unit, high) if spread > unit else (low, unit)
    return policy.log()


class Place(NamedTuple):
    """Where a policy is on one question, its answers alone considered."""

    reward: float  # expected
    kl: float  # nats, from the reference
    gap: float  # nats, from the optimum
    inside: float  # probability of the possible answers, before it was normed


def locate(
    policy: Float[Tensor, " A"],
    reference: Float[Tensor, " A"],
    rewards: Float[Tensor, " A"],
    *,
    beta: float,
) -> Place:
    """Reward and distances of a policy, given by log-probabilities."""
    best = optimum(reference, rewards, beta=beta)
    gain = (policy.softmax(-1) * rewards).sum().item()
    kl, gap = exact_kl(policy, reference).item(), exact_kl(policy, best).item()
    return Place(gain, kl, gap, policy.exp().sum().item())
