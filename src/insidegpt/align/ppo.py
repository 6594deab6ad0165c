"""Reinforcement learning from a reward: PPO, with a critic and a leash.

PPO: Schulman et al. 2017, equation 7. GAE: Schulman et al. 2016, equation 16. The
reward of an answer less beta times how far each of its tokens went from the reference:
Ouyang et al. 2022, equation 2, without its pretraining term. Page: code/rlhf.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from insidegpt.align.kl import k1
from insidegpt.align.rollout import Rollout, finite, frozen, roll_out
from insidegpt.model.gpt import GPT
from insidegpt.train.loop import TrainConfig, begin, update
from insidegpt.train.loss import token_logprobs

Grade = Callable[[Sequence[int], list[list[int]]], list[float]]  # prompts' numbers


@dataclass(frozen=True)
class PPOConfig:
    """How answers are drawn, and what is made of them."""

    answers: int = 64  # a step
    max_new_tokens: int = 16
    epochs: int = 2  # over the answers of one step
    clip: float = 0.2  # how far a token's probability may move, as a share
    value_clip: float = 0.2  # and how far a value
    beta: float = 0.05  # weight of the distance from the reference, a nat
    discount: float = 1.0  # gamma
    smoothing: float = 0.95  # lambda
    value_weight: float = 0.5


class PPOStep(NamedTuple):
    """What happened in one step."""

    number: int
    reward: float  # mean grade of the answers, without the distance
    kl: float  # nats an answer, from the reference; the mean of k1
    moved: float  # share of the tokens whose ratio left the clip
    explained: float  # share of the returns' variance that the critic knew
    tokens: float  # of an answer, on average


class ActorCritic(nn.Module):
    """A policy and, on a trunk of its own, what it may expect from here on."""

    def __init__(self, policy: GPT, trunk: GPT) -> None:
        super().__init__()
        self.policy, self.trunk = policy, trunk
        like = {"dtype": trunk.dtype, "device": trunk.device}
        self.value = nn.Parameter(torch.zeros(trunk.config.d_model, **like))

    def values(self, ids: Tensor) -> Float[Tensor, "B T"]:
        """Expected reward of the rest, before each token is drawn."""
        return self.trunk.norm(self.trunk.hidden(ids)) @ self.value


def token_rewards(
    grades: Float[Tensor, " B"],
    logprobs: Float[Tensor, "B T"],
    reference: Float[Tensor, "B T"],
    said: Bool[Tensor, "B T"],
    *,
    beta: float,
) -> Float[Tensor, "B T"]:
    """Minus beta times log p / p_ref at every token, and the grade at the last."""
    rewards = -beta * k1(logprobs, reference) * said
    last = said.shape[1] - 1 - said.flip(1).int().argmax(1)
    rewards[torch.arange(len(grades), device=grades.device), last] += grades
    return rewards


def gae(
    rewards: Float[Tensor, "B T"],
    values: Float[Tensor, "B T"],
    said: Bool[Tensor, "B T"],
    *,
    discount: float,
    smoothing: float,
) -> Float[Tensor, "B T"]:
    """How much better each token did than the critic thought, smoothed over the rest.

    An answer is one run of ``said``; after it nothing is expected.
    """
    gains = torch.zeros_like(rewards)
    ahead = torch.zeros(len(rewards), dtype=rewards.dtype, device=rewards.device)
    expected = torch.zeros_like(ahead)
    for t in range(rewards.shape[1] - 1, -1, -1):
        surprise = rewards[:, t] + discount * expected - values[:, t]
        ahead = (surprise + discount * smoothing * ahead) * said[:, t]
        expected = values[:, t] * said[:, t]
        gains[:, t] = ahead
    return gains


def ppo_loss(
    now: Float[Tensor, "B T"],
    values: Float[Tensor, "B T"],
    rollout: Rollout,
    before: Float[Tensor, "B T"],
    gains: Float[Tensor, "B T"],
    config: PPOConfig,
) -> tuple[Float[Tensor, ""], float]:
    """The clipped losses of policy and critic, a mean over tokens; the share moved.

    before: the critic's values when the answers were drawn.
    """
    said = rollout.said
    ratio = (now - rollout.logprobs).exp()
    clipped = ratio.clamp(1 - config.clip, 1 + config.clip)
    better = normed(gains, said)
    policy = -torch.minimum(ratio * better, clipped * better)
    returns = gains + before
    near = before + (values - before).clamp(-config.value_clip, config.value_clip)
    critic = torch.maximum((values - returns) ** 2, (near - returns) ** 2) / 2
    loss = (policy + config.value_weight * critic)[said].mean()
    return loss, (ratio != clipped)[said].float().mean().item()


def normed(gains: Float[Tensor, "B T"], said: Bool[Tensor, "B T"]) -> Tensor:
    """Advantages with mean 0 and deviation 1 over all tokens of a step."""
    mine = gains[said]
    return (gains - mine.mean()) / (mine.std() + 1e-8)


def ppo(
    model: ActorCritic,
    reference: GPT,
    prompts: Sequence[Sequence[int]],
    grade: Grade,
    *,
    end: int,
    config: PPOConfig,
    training: TrainConfig,
    seed: int = 0,
) -> Iterator[PPOStep]:
    """Draw answers, grade them, and move policy and critic, within the clip."""
    _, optimizers, _ = begin(model, training)
    frozen(reference, model.policy)
    draw = torch.Generator().manual_seed(seed)
    for number in range(training.steps):
        asked = torch.randint(len(prompts), (config.answers,), generator=draw).tolist()
        model.eval()
        rollout = roll_out(
            model.policy,
            [prompts[n] for n in asked],
            max_new_tokens=config.max_new_tokens,
            end=end,
            seed=seed + number + 1,
        )
        grades = finite(grade(asked, rollout.answers)).to(rollout.ids.device)
        known, before, gains = credit(model, reference, rollout, grades, config)
        model.train()
        for _ in range(config.epochs):
            now = token_logprobs(model.policy(rollout.ids), rollout.targets)
            values = model.values(rollout.ids)
            loss, moved = ppo_loss(now, values, rollout, before, gains, config)
            loss.backward()
            update(optimizers, number, loss.item(), training)
        yield told(number, grades, rollout, known, before, gains, moved)


@torch.no_grad()
def credit(
    model: ActorCritic,
    reference: GPT,
    rollout: Rollout,
    grades: Float[Tensor, " B"],
    config: PPOConfig,
) -> tuple[Float[Tensor, "B T"], Float[Tensor, "B T"], Float[Tensor, "B T"]]:
    """What the reference and the critic think of each token, and its advantage."""
    known = token_logprobs(reference(rollout.ids), rollout.targets)
    before = model.values(rollout.ids)
    rewards = token_rewards(
        grades, rollout.logprobs, known, rollout.said, beta=config.beta
    )
    settings = {"discount": config.discount, "smoothing": config.smoothing}
    return known, before, gae(rewards, before, rollout.said, **settings)


def told(number, grades, rollout, known, before, gains, moved) -> PPOStep:
    """A step's record."""
    said = rollout.said
    apart = (k1(rollout.logprobs, known) * said).sum(1).mean().item()
    returns = (gains + before)[said]
    unknown = gains[said].var() / returns.var().clamp(min=1e-8)
    length = said.sum(1).float().mean().item()
    return PPOStep(
        number, grades.mean().item(), apart, moved, 1 - unknown.item(), length
    )
