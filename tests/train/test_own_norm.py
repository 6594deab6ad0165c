"""One step or many: the same norm, and the same way back."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from insidegpt.measure.cost import activation_bytes, saved_bytes
from insidegpt.model.config import PRESETS
from insidegpt.model.gpt import GPT
from insidegpt.text.batches import Batch
from insidegpt.train.loss import next_token_loss
from insidegpt.train.own_norm import OneStepNorm, use_own_norms

TINY = dataclasses.replace(PRESETS["tiny-llama"], n_kv_heads=6, qk_norm=True)


def newborn():
    model = GPT(TINY, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        for p in model.parameters():
            p *= 3 if p.ndim == 2 else 1.1
    return model


@pytest.fixture
def batch():
    ids = torch.randint(96, (2, 9), generator=torch.Generator().manual_seed(0))
    return Batch(ids[:, :-1].clone(), ids[:, 1:].clone())


def test_the_norm_is_torch_s_and_its_way_back_its_slope():
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(4, 3, 5, generator=draw, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(5, generator=draw, dtype=torch.float64, requires_grad=True)
    expected = F.rms_norm(x, weight.shape, weight, 1e-3)
    assert (OneStepNorm.apply(x, weight, 1e-3) - expected).abs().max() < 1e-14
    assert torch.autograd.gradcheck(OneStepNorm.apply, (x, weight, 1e-3))


def test_a_model_s_gradients_stay_what_they_are(batch):
    plain, own = newborn(), newborn()
    use_own_norms(own)
    for model in (plain, own):
        next_token_loss(model, batch).total.backward()
    assert next_token_loss(own, batch).mean == pytest.approx(
        next_token_loss(plain, batch).mean, abs=1e-12
    )
    for a, b in zip(plain.parameters(), own.parameters(), strict=True):
        assert (a.grad - b.grad).abs().max() < 1e-11
    names = [name for name, _ in plain.named_parameters()]
    assert names == [name for name, _ in own.named_parameters()]


def test_it_keeps_one_array_less_of_each_norm_s_input(batch):
    """2C + 1 numbers of each norm of the stream in place of 3C + 1."""
    model = newborn().float()
    run = lambda: next_token_loss(model, batch).total  # noqa: E731
    before = saved_bytes(run, model)
    assert before == activation_bytes(TINY, rows=2, tokens=8)
    use_own_norms(model)
    C, H, D, L = TINY.d_model, TINY.n_heads, TINY.d_head, TINY.n_layers
    a_token = L * (2 * C + 2 * H * D) + C  # two norms, those of q and k; the last one
    assert before - saved_bytes(run, model) == 4 * 16 * a_token
