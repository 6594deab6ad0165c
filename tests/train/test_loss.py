"""Cross-entropy by hand, against torch, and what a masked target does to it."""

import math

import pytest
import torch
import torch.nn.functional as F

from insidegpt.model.config import PRESETS
from insidegpt.model.gpt import GPT
from insidegpt.text.batches import IGNORED, Batch
from insidegpt.train.loss import cross_entropy, next_token_loss, token_logprobs


@pytest.fixture
def logits():
    return torch.randn(2, 5, 7, dtype=torch.float64)


def test_by_hand():
    """Scores ln 1, ln 2, ln 5: the probabilities are 1/8, 2/8 and 5/8."""
    logits = torch.tensor([[[1.0, 2.0, 5.0]]]).log()
    loss = cross_entropy(logits, torch.tensor([[2]]))
    assert loss.tokens == 1 and loss.mean == pytest.approx(math.log(8 / 5))


def test_log_probabilities_are_those_of_log_softmax(logits):
    targets = torch.randint(7, (2, 5))
    ours = token_logprobs(logits, targets)
    theirs = logits.log_softmax(-1).gather(-1, targets[..., None])[..., 0]
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-13)


def test_a_masked_target_has_no_loss_and_no_gradient(logits):
    logits.requires_grad_()
    targets = torch.randint(7, (2, 5))
    targets[0, :3] = IGNORED
    loss = cross_entropy(logits, targets)
    loss.total.backward()
    kept = F.cross_entropy(logits[targets >= 0], targets[targets >= 0])
    assert loss.tokens == 7 and loss.mean == pytest.approx(kept.item())
    assert not logits.grad[0, :3].any() and logits.grad[0, 3:].abs().min() > 0
    assert not token_logprobs(logits, targets)[0, :3].any()


def test_where_all_is_masked_the_loss_is_zero_and_has_no_mean(logits):
    loss = cross_entropy(logits, torch.full((2, 5), IGNORED))
    assert loss.tokens == 0 and loss.total == 0 and math.isnan(loss.mean)


def test_losses_of_parts_add_up_to_that_of_the_whole(logits):
    targets = torch.randint(7, (2, 5))
    targets[1, 1:] = IGNORED  # parts of unequal weight: means would not add up
    whole = cross_entropy(logits, targets)
    parts = [cross_entropy(logits[i : i + 1], targets[i : i + 1]) for i in (0, 1)]
    assert sum(p.tokens for p in parts) == whole.tokens
    assert torch.isclose(parts[0].total + parts[1].total, whole.total, rtol=1e-14)


def test_sixteen_bits_are_summed_in_thirty_two(logits):
    half = logits.bfloat16()
    targets = torch.randint(7, (2, 5))
    ours = token_logprobs(half, targets)
    assert ours.dtype == torch.float32
    assert torch.equal(ours, token_logprobs(half.float(), targets))


def test_an_untrained_model_is_near_the_logarithm_of_its_vocabulary():
    model = GPT(PRESETS["tiny-llama"], generator=torch.Generator().manual_seed(0))
    ids = torch.randint(96, (4, 33))
    loss = next_token_loss(model, Batch(ids[:, :-1], ids[:, 1:]))
    assert loss.mean == pytest.approx(math.log(96), abs=0.15)
