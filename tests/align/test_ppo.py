"""PPO's pieces against literal loops, and the whole on a reward that it must find."""

import numpy as np
import pytest
import torch
from small_align import END, tiny

from insidegpt.align.ppo import (
    ActorCritic,
    PPOConfig,
    gae,
    normed,
    ppo,
    ppo_loss,
    token_rewards,
)
from insidegpt.align.rollout import Rollout
from insidegpt.train.loop import TrainConfig

SAID = torch.tensor([[False, True, True, True], [True, True, False, False]])


def numbers(seed, *shape):
    return torch.randn(
        *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )


def test_the_grade_is_at_the_last_token_and_the_distance_at_each():
    """beta 0.5; the log ratios are 1, 2, 3 and 4, 5: -0.5, -1, -1.5 + 10."""
    ratio = torch.tensor([[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 0.0, 0.0]])
    grades = torch.tensor([10.0, 20.0])
    found = token_rewards(grades, ratio, torch.zeros(2, 4), SAID, beta=0.5)
    assert found.tolist() == [[0, -0.5, -1.0, 8.5], [-2.0, 17.5, 0, 0]]


def literal_gae(rewards, values, gamma, lam):
    """Equation 16 as it is printed: a sum of all later surprises."""
    n = len(rewards)
    after = np.append(values[1:], 0.0)
    surprise = rewards + gamma * after - values
    return np.array(
        [
            sum((gamma * lam) ** (u - t) * surprise[u] for u in range(t, n))
            for t in range(n)
        ]
    )


@pytest.mark.parametrize("gamma, lam", [(1.0, 0.95), (0.9, 0.5), (1.0, 1.0), (0.7, 0)])
def test_gae_is_the_printed_sum(gamma, lam):
    rewards, values = numbers(0, 2, 4) * SAID, numbers(1, 2, 4)
    found = gae(rewards, values, SAID, discount=gamma, smoothing=lam)
    for row, said in enumerate(SAID):
        mine = literal_gae(
            rewards[row][said].numpy(), values[row][said].numpy(), gamma, lam
        )
        assert found[row][said].tolist() == pytest.approx(mine.tolist(), abs=1e-12)
        assert (found[row][~said] == 0).all()


def test_without_smoothing_the_advantage_is_what_was_got_less_what_was_expected():
    """gamma = lambda = 1: the sum of the rewards from here on, less the value here."""
    rewards, values = numbers(0, 2, 4) * SAID, numbers(1, 2, 4)
    found = gae(rewards, values, SAID, discount=1.0, smoothing=1.0)
    rest = rewards.flip(1).cumsum(1).flip(1)
    assert torch.allclose(found, (rest - values) * SAID)


def test_the_loss_is_a_literal_loop_s():
    config = PPOConfig(clip=0.2, value_clip=0.3, value_weight=0.7)
    old, now, before, values, gains = (numbers(n, 2, 4) for n in range(5))
    targets = torch.where(SAID, 1, -100)
    rollout = Rollout([[], []], targets, targets, old)
    found, moved = ppo_loss(now, values, rollout, before, gains, config)
    better = normed(gains, SAID)
    losses, left = [], 0
    for b, t in SAID.nonzero().tolist():
        ratio = np.exp((now - old)[b, t].item())
        clipped = min(max(ratio, 0.8), 1.2)
        left += ratio != clipped
        policy = -min(ratio * better[b, t].item(), clipped * better[b, t].item())
        back = (gains + before)[b, t].item()
        v, v0 = values[b, t].item(), before[b, t].item()
        near = min(max(v, v0 - 0.3), v0 + 0.3)
        losses.append(policy + 0.7 * max((v - back) ** 2, (near - back) ** 2) / 2)
    assert found.item() == pytest.approx(np.mean(losses), abs=1e-12)
    assert moved == pytest.approx(left / 5)


def test_advantages_are_normed_over_tokens_and_not_over_padding():
    gains = numbers(0, 2, 4)
    mine = normed(gains, SAID)[SAID]
    assert mine.mean().item() == pytest.approx(0, abs=1e-9)
    assert mine.std().item() == pytest.approx(1, abs=1e-6)
    spoiled = torch.where(SAID, gains, 1e9)
    assert torch.allclose(normed(spoiled, SAID)[SAID], mine)


def test_it_finds_what_is_rewarded_and_the_leash_holds_it():
    def run(beta):
        model = ActorCritic(tiny(spread=0.1), tiny(5, spread=0.1))
        reference = tiny(spread=0.1).requires_grad_(False)
        steps = ppo(
            model,
            reference,
            [[n] for n in range(20, 60)],
            lambda asked, answers: [
                float(sum(token % 8 == 7 for token in answer)) for answer in answers
            ],
            end=END,
            config=PPOConfig(answers=128, max_new_tokens=3, beta=beta),
            training=TrainConfig(30, lr=0.02, matrix_lr=0.02, warmup=0, decay=0),
        )
        return list(steps)

    free, held = run(0.0), run(2.0)
    assert free[0].reward < 1.2 and free[-1].reward > 2.2
    assert held[-1].kl < free[-1].kl / 2 and held[-1].reward < free[-1].reward
