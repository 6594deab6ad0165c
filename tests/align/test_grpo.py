"""GRPO by hand, against TRL's loss, and on a reward that it must find."""

import dataclasses
import math

import pytest
import torch
from small_align import END, tiny

from insidegpt.align.grpo import GRPOConfig, advantages, grpo, policy_loss
from insidegpt.align.rollout import Rollout, roll_out
from insidegpt.train.loop import TrainConfig
from insidegpt.train.loss import token_logprobs

SMALL = GRPOConfig(prompts=4, group=4, max_new_tokens=3)


def test_advantages_by_hand():
    """Rewards 1, 0, 0, 1: mean 1/2, deviation (n - 1) 0.577; all equal: nothing."""
    rewards = torch.tensor([[1.0, 0.0, 0.0, 1.0], [3.0, 3.0, 3.0, 3.0]])
    found = advantages(rewards)
    assert found[0].tolist() == pytest.approx([0.866, -0.866, -0.866, 0.866], abs=1e-3)
    assert found[1].tolist() == [0, 0, 0, 0]
    plain = advantages(rewards, by_deviation=False)
    assert plain[0].tolist() == [0.5, -0.5, -0.5, 0.5]


def made(now, old, said=None):
    """A rollout of one answer with these log-probabilities."""
    old = torch.tensor([old])
    targets = torch.zeros(old.shape, dtype=torch.long)
    if said is not None:
        targets[~torch.tensor([said])] = -100
    return torch.tensor([now]), Rollout([[]], targets, targets, old)


def test_the_clip_by_hand():
    """Ratios 1.5 and 0.5, advantage 1, clip 0.2: 1.2 counts for the first, 0.5 for the
    second, so that the loss is -(1.2 + 0.5) / 2. With advantage -1: 1.5 and 0.8."""
    now, rollout = made(torch.tensor([1.5, 0.5]).log().tolist(), [0.0, 0.0])
    reference = now.clone()
    for advantage, expected in ((1.0, -0.85), (-1.0, 1.15)):
        gain = torch.tensor([advantage])
        loss, kl, moved = policy_loss(now, rollout, gain, reference, SMALL)
        assert loss.item() == pytest.approx(expected)
        assert kl == 0 and moved == 1.0


def test_padding_counts_for_nothing():
    now, rollout = made([0.1, 9.0], [0.0, 0.0], said=[True, False])
    one, alone = made([0.1], [0.0])
    gain = torch.tensor([1.0])
    found = policy_loss(now, rollout, gain, torch.zeros(1, 2), SMALL)
    expected = policy_loss(one, alone, gain, torch.zeros(1, 1), SMALL)
    assert found[0].item() == pytest.approx(expected[0].item())


def test_k3_is_unbiased_against_enumerated_kl():
    """Its mean over all tokens, weighted as they are drawn, is KL(now | reference)."""
    now, reference = (m(torch.tensor([[1, 2]]))[0, -1] for m in (tiny(), tiny(1)))
    p, q = now.log_softmax(-1), reference.log_softmax(-1)
    kl = (p.exp() * (p - q)).sum()
    k3 = (q - p).exp() - (q - p) - 1
    assert (p.exp() * k3).sum().item() == pytest.approx(kl.item(), abs=1e-9)
    assert (k3 >= 0).all() and kl > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["grpo", "dr_grpo"])
def test_the_loss_is_trl_s(kind, tmp_path):
    """The same rollout, old and reference log-probabilities given to both."""
    pytest.importorskip("trl")
    from small_trl import grpo_trainer

    model, old, reference = tiny(), tiny(2), tiny(1)
    prompts = [[1, 2, 3]] * 4
    rollout = roll_out(old, prompts, max_new_tokens=5, end=END, seed=3)
    better = torch.tensor([0.5, -1.0, 2.0, -0.3], dtype=torch.float64)
    config = dataclasses.replace(
        SMALL, group=4, max_new_tokens=5, beta=0.04, by_length=kind == "grpo"
    )
    with torch.no_grad():
        before = token_logprobs(reference(rollout.ids), rollout.targets)
        now = token_logprobs(model(rollout.ids), rollout.targets)
        found, _, _ = policy_loss(now, rollout, better, before, config)
    trainer = grpo_trainer(model, tmp_path, kind, beta=0.04, max_tokens=5)
    said, answers = rollout.said[:, 2:], rollout.targets[:, 2:].clamp(min=0)
    inputs = {
        "prompt_ids": torch.tensor(prompts),
        "prompt_mask": torch.ones(4, 3, dtype=torch.long),
        "completion_ids": answers,
        "completion_mask": said.long(),
        "advantages": better,
        "old_per_token_logps": rollout.logprobs[:, 2:],
        "ref_per_token_logps": before[:, 2:],
        "num_items_in_batch": said.sum(),
    }
    with torch.no_grad():
        expected = trainer._compute_loss(trainer.model, inputs)
    assert found.item() == pytest.approx(expected.item(), abs=1e-6)


def test_it_finds_what_is_rewarded():
    """A point for each token 7; about one token in 257 is one at first."""
    model = tiny(spread=0.1)
    reference = tiny(spread=0.1).requires_grad_(False)
    config = dataclasses.replace(SMALL, prompts=8, group=16)
    steps = list(
        grpo(
            model,
            reference,
            [[n] for n in range(20, 60)],
            lambda n, answer: float(sum(token % 8 == 7 for token in answer)),
            end=END,
            config=config,
            training=TrainConfig(30, lr=0.02, matrix_lr=0.02, warmup=0, decay=0),
        )
    )
    assert steps[0].reward < 0.8 and steps[-1].reward > 1.5
    assert steps[-1].kl > steps[0].kl


def test_entropy_is_what_the_drawn_answers_surprised_the_model_by():
    """A model whose logits are all equal is surprised by ln V with each token."""
    model, reference = tiny(), tiny().requires_grad_(False)
    for p in model.parameters():
        p.data.zero_()
    run = grpo(
        model,
        reference,
        [[20], [21], [22], [23]],
        lambda n, answer: float(n % 2),
        end=END,
        config=SMALL,
        training=TrainConfig(1),
    )
    step = next(run)
    nats = math.log(model.config.vocab_size)
    assert step.entropy == pytest.approx(step.tokens * nats, rel=1e-6)
