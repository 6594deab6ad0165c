"""Three estimates of KL by hand, against the sum over all outcomes, and as losses."""

import math

import pytest
import torch

from insidegpt.align.kl import exact_kl, k1, k2, k3


def numbers(seed, *shape):
    return torch.randn(
        *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )


def enumerated(estimate, now, reference):
    """Mean over all outcomes, each as often as ``now`` draws it."""
    now, reference = now.log_softmax(-1), reference.log_softmax(-1)
    return (now.exp() * estimate(now, reference)).sum(-1)


def test_by_hand():
    """1/2 where the reference has 1/4: ln 2, ln² 2 / 2, 1/2 - 1 + ln 2."""
    now, reference = torch.tensor([0.5, 0.25], dtype=torch.float64).log()
    assert k1(now, reference).item() == pytest.approx(math.log(2))
    assert k2(now, reference).item() == pytest.approx(math.log(2) ** 2 / 2)
    assert k3(now, reference).item() == pytest.approx(math.log(2) - 0.5)
    assert k3(reference, now).item() == pytest.approx(1 - math.log(2))


def test_exact_kl_by_hand():
    """(1/2, 1/2) from (3/4, 1/4): (ln 2/3 + ln 2) / 2, and the other way round."""
    one = torch.tensor([0.5, 0.5], dtype=torch.float64).log()
    other = torch.tensor([0.75, 0.25], dtype=torch.float64).log() + 3  # logits
    expected = (math.log(2 / 3) + math.log(2)) / 2
    assert exact_kl(one, other).item() == pytest.approx(expected)
    back = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert exact_kl(other, one).item() == pytest.approx(back)


def test_exact_kl_is_torch_s():
    now, reference = numbers(0, 5, 7), numbers(1, 5, 7)
    expected = torch.nn.functional.kl_div(
        reference.log_softmax(-1),
        now.log_softmax(-1),
        log_target=True,
        reduction="none",
    ).sum(-1)
    assert torch.allclose(exact_kl(now, reference), expected, atol=1e-13, rtol=0)


def test_what_can_not_be_said_counts_for_nothing():
    never = torch.tensor([0.0, 0.0, -math.inf], dtype=torch.float64)
    fair = torch.zeros(3, dtype=torch.float64)
    assert exact_kl(never, fair).item() == pytest.approx(math.log(1.5))
    assert exact_kl(never, never).item() == 0
    assert exact_kl(fair, never).item() == math.inf


def test_k1_and_k3_are_unbiased_and_k2_is_not():
    now, reference = 2 * numbers(0, 40, 9), 2 * numbers(1, 40, 9)
    exact = exact_kl(now, reference)
    for estimate in (k1, k3):
        found = enumerated(estimate, now, reference)
        assert torch.allclose(found, exact, atol=1e-11, rtol=0)
    assert ((enumerated(k2, now, reference) - exact).abs() > 0.01).sum() > 30


def test_k2_is_nearly_unbiased_where_policies_are_close():
    """Both agree to second order: a tenth of the distance, a tenth of the error."""
    now, step = numbers(0, 9), numbers(1, 9)
    errors = []
    for size in (0.1, 0.01):
        exact = exact_kl(now, now + size * step)
        errors.append((enumerated(k2, now, now + size * step) / exact - 1).abs().item())
    assert errors[0] < 0.1 and errors[1] == pytest.approx(errors[0] / 10, rel=0.2)


def test_as_losses_they_are_three_different_things():
    """Zero, the gradient of KL(now | reference), that of KL(reference | now)."""
    now, reference = numbers(0, 9).requires_grad_(), numbers(1, 9)

    def pull(value):
        return torch.autograd.grad(value, now)[0]

    def as_loss(estimate):
        logs = now.log_softmax(-1)
        told = estimate(logs, reference.log_softmax(-1))
        return pull((logs.detach().exp() * told).sum())  # the draws don't move

    ours, theirs = pull(exact_kl(now, reference)), pull(exact_kl(reference, now))
    assert as_loss(k1).abs().max() < 1e-15
    assert torch.allclose(as_loss(k2), ours, atol=1e-14, rtol=0)
    assert torch.allclose(as_loss(k3), theirs, atol=1e-14, rtol=0)
    assert (ours - theirs).abs().max() > 0.05


def test_k3_keeps_its_digits_where_policies_are_close():
    """In float32, where exp(x) - 1 - x is off by more than its size, or negative."""
    apart = torch.logspace(-6, -3, 200)
    apart = torch.cat([apart, -apart])
    expected = k3(torch.zeros(400, dtype=torch.float64), apart.double())
    found = k3(torch.zeros(400), apart)
    assert (found >= 0).all()
    assert ((found.double() / expected - 1).abs() < 0.3).all()
    naive = apart.exp() - 1 - apart
    assert (naive < 0).any()
