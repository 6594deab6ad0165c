"""Rewards that can be computed: several answers a prompt, better ones made likelier.

GRPO: Shao et al. 2024, equations 3 and 4. Dr. GRPO, Liu et al. 2025, takes two of its
normalisations away. Page: code/verifiable-rewards.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from insidegpt.align.kl import k3
from insidegpt.align.rollout import Rollout, finite, frozen, roll_out
from insidegpt.model.gpt import GPT
from insidegpt.train.loop import TrainConfig, begin, update
from insidegpt.train.loss import token_logprobs

Reward = Callable[[int, list[int]], float]  # number of the prompt, an answer's ids


@dataclass(frozen=True)
class GRPOConfig:
    """How answers are drawn, and what is made of them."""

    prompts: int = 16  # a step
    group: int = 8  # answers to each
    max_new_tokens: int = 16
    updates: int = 1  # of the weights by the answers of one step
    clip: float = 0.2  # how far a token's probability may move, as a share
    beta: float = 0.0  # weight of the distance from the reference, in nats
    by_deviation: bool = True  # divide by the group's deviation; Dr. GRPO: no
    by_length: bool = True  # mean over an answer's tokens; Dr. GRPO: a fixed divisor


class GRPOStep(NamedTuple):
    """What happened in one step."""

    number: int
    reward: float  # mean over all answers
    answered: float  # share of the groups whose answers did not all get the same
    kl: float  # nats an answer, from the reference; estimated (k3)
    moved: float  # share of the tokens whose ratio left the clip
    tokens: float  # of an answer, on average
    entropy: float  # nats an answer; estimated from the answers drawn


def advantages(
    rewards: Float[Tensor, "P G"], *, by_deviation: bool = True
) -> Float[Tensor, "P G"]:
    """How much better each answer is than its group; by default in deviations.

    A group whose answers are all as good teaches nothing: zeros.
    """
    apart = rewards - rewards.mean(1, keepdim=True)
    if not by_deviation:
        return apart
    return apart / (rewards.std(1, keepdim=True) + 1e-4)


def policy_loss(
    now: Float[Tensor, "B T"],
    rollout: Rollout,
    advantage: Float[Tensor, " B"],
    reference: Float[Tensor, "B T"],
    config: GRPOConfig,
) -> tuple[Float[Tensor, ""], float, float]:
    """Equation 3 with a minus, to be made small; an estimate of KL; the share moved."""
    said = rollout.said
    ratio = (now - rollout.logprobs).exp()
    clipped = ratio.clamp(1 - config.clip, 1 + config.clip)
    advantage = advantage.to(now.device)[:, None]
    gain = torch.minimum(ratio * advantage, clipped * advantage)
    apart = k3(now, reference)  # equation 4
    loss = (config.beta * apart - gain) * said
    lengths = said.sum(1) if config.by_length else config.max_new_tokens
    total = (loss.sum(1) / lengths).mean()
    kl = (apart * said).sum(1).mean().item()
    return total, kl, ((ratio != clipped) & said).sum().item() / said.sum().item()


def grpo(
    model: GPT,
    reference: GPT,
    prompts: Sequence[Sequence[int]],
    reward: Reward,
    *,
    end: int,
    config: GRPOConfig,
    training: TrainConfig,
    seed: int = 0,
) -> Iterator[GRPOStep]:
    """Draw answers, grade them, and make the better ones of each group likelier.

    reference: a frozen copy, from which beta keeps the model near. The steps of
    ``training`` are the updates of the weights.
    """
    _, optimizers, _ = begin(model, training)
    frozen(reference, model)
    draw = torch.Generator().manual_seed(seed)
    for number in range(training.steps):
        chosen = torch.randperm(len(prompts), generator=draw)[: config.prompts].tolist()
        asked = [n for n in chosen for _ in range(config.group)]
        model.eval()
        rollout = roll_out(
            model,
            [prompts[n] for n in asked],
            max_new_tokens=config.max_new_tokens,
            end=end,
            seed=seed + number + 1,
        )
        answers = zip(asked, rollout.answers, strict=True)
        groups = finite([reward(n, a) for n, a in answers]).view(len(chosen), -1)
        better = advantages(groups, by_deviation=config.by_deviation).flatten()
        with torch.no_grad():
            before = token_logprobs(reference(rollout.ids), rollout.targets)
        model.train()
        for _ in range(config.updates):
            now = token_logprobs(model(rollout.ids), rollout.targets)
            loss, kl, moved = policy_loss(now, rollout, better, before, config)
            loss.backward()
            update(optimizers, number, loss.item(), training)
        told = (groups.std(1) > 0).float().mean().item()
        length = rollout.said.sum(1).float().mean().item()
        entropy = -rollout.logprobs.sum(1).mean().item()
        yield GRPOStep(number, groups.mean().item(), told, kl, moved, length, entropy)
