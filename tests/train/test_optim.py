"""Ours against torch.optim, to the last bits of float64; what each does by hand."""

import pytest
import torch

from insidegpt.model.config import PRESETS
from insidegpt.model.gpt import GPT
from insidegpt.train.optim import (
    AdamW,
    Muon,
    make_optimizers,
    orthogonalize,
    schedule,
)


def after_100_steps(make):
    """Parameters that an optimizer leaves, with the same gradients for each."""
    g = torch.Generator().manual_seed(1)
    shapes = ((6, 4), (4, 9), (5, 5))
    params = [
        torch.randn(s, generator=g, dtype=torch.float64).requires_grad_()
        for s in shapes
    ]
    optimizer = make(params)
    for _ in range(100):
        for p in params:
            p.grad = p.detach() + torch.randn(p.shape, generator=g, dtype=p.dtype)
        optimizer.step()
    return torch.cat([p.detach().flatten() for p in params])


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_adamw_equals_torchs(weight_decay):
    settings = {"lr": 0.01, "betas": (0.9, 0.95), "weight_decay": weight_decay}
    ours = after_100_steps(lambda p: AdamW(p, **settings))
    theirs = after_100_steps(lambda p: torch.optim.AdamW(p, **settings))
    assert (ours - theirs).abs().max() <= 1e-12


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_muon_equals_torchs(weight_decay):
    settings = {"lr": 0.02, "momentum": 0.95, "weight_decay": weight_decay}
    ours = after_100_steps(lambda p: Muon(p, dtype=torch.bfloat16, **settings))
    theirs = after_100_steps(lambda p: torch.optim.Muon(p, **settings))
    assert (ours - theirs).abs().max() <= 1e-12


def test_the_first_step_of_adamw_is_the_rate_in_the_direction_of_each_sign():
    p = torch.tensor([1.0, -2.0]).requires_grad_()
    p.grad = torch.tensor([0.001, -700.0])
    AdamW([p], lr=0.1).step()
    assert torch.allclose(p.detach(), torch.tensor([0.9, -1.9]), atol=1e-5)


@pytest.mark.parametrize("shape", [(40, 30), (30, 40), (32, 32)])
def test_orthogonalize_sets_singular_values_near_one_and_keeps_directions(shape):
    # The field: singular values within a factor of a hundred of each other.
    u, _, v = torch.linalg.svd(torch.randn(shape, dtype=torch.float64), False)
    values = torch.logspace(0, -2, min(shape), dtype=torch.float64)
    done = orthogonalize(u * values @ v, dtype=torch.float64)
    inside = u.T @ done @ v.T  # diagonal if directions were kept
    assert (inside - inside.diagonal().diag()).abs().max() < 1e-10
    assert 0.65 < inside.diagonal().min() and inside.diagonal().max() < 1.25


def test_muon_refuses_what_is_no_matrix():
    with pytest.raises(ValueError, match=r"not a parameter of shape \(3,\)"):
        Muon([torch.zeros(3, requires_grad=True)])


def test_every_parameter_has_one_optimizer_and_only_matrices_decay():
    model = GPT(PRESETS["tiny-gpt2"])
    adamw, muon = make_optimizers(model, lr=0.1, matrix_lr=0.2, weight_decay=0.3)
    names = {id(p): name for name, p in model.named_parameters()}
    moved = [
        names[id(p)]
        for optimizer in (adamw, muon)
        for group in optimizer.param_groups
        for p in group["params"]
    ]
    assert sorted(moved) == sorted(names.values())
    assert "embed.weight" not in [
        names[id(p)] for group in muon.param_groups for p in group["params"]
    ]
    for optimizer in (adamw, muon):
        for group in optimizer.param_groups:
            matrices = {p.ndim == 2 for p in group["params"]}
            assert matrices == {group["weight_decay"] > 0}


def test_a_frozen_model_is_named():
    model = GPT(PRESETS["tiny-gpt2"]).requires_grad_(False)
    with pytest.raises(ValueError, match="trainable=True"):
        make_optimizers(model, lr=0.1, matrix_lr=None)


def test_the_schedule_rises_stays_and_falls_to_zero():
    shares = [schedule(n, 10, warmup=2, decay=0.5) for n in range(10)]
    assert shares[:5] == pytest.approx([1 / 3, 2 / 3, 1, 1, 1])
    assert shares[5:] == pytest.approx([1, 0.8, 0.6, 0.4, 0.2])
    assert [schedule(n, 4, warmup=0, decay=0) for n in range(4)] == [1, 1, 1, 1]
