"""The LSTM's cell and the delta rule: by hand, against torch, pass against steps."""

import math
from functools import partial

import pytest
import torch
from torch import nn

from insidegpt.model.recurrence import (
    delta_chunk,
    delta_chunks,
    delta_steps,
    lstm_cell,
)


def delta_case(T=13, D=5, reach=1.0):
    q, k, v = torch.randn(3, 2, 3, T, D, dtype=torch.float64)
    k = nn.functional.normalize(k, dim=-1)
    beta = reach * torch.rand(2, 3, T, dtype=torch.float64)
    return q, k, v, beta, torch.randn(2, 3, D, D, dtype=torch.float64)


def test_an_lstm_cell_by_hand():
    """All gates open by half (sigmoid 0), new content tanh(ln 3) = 0.8.

    c = 0.5 * 2 + 0.5 * 0.8 = 1.4, h = 0.5 * tanh(1.4).
    """
    bias = torch.tensor([0.0, 0.0, math.log(3), 0.0])
    weights = torch.zeros(4, 1), torch.zeros(4, 1), bias
    h, c = lstm_cell(
        torch.ones(1, 1), torch.ones(1, 1), torch.full((1, 1), 2.0), weights
    )
    assert torch.allclose(c, torch.tensor(1.4))
    assert torch.allclose(h, torch.tensor(0.5 * math.tanh(1.4)))


def test_the_lstm_cell_is_torchs():
    theirs = nn.LSTM(6, 9, batch_first=True).double()
    x = torch.randn(3, 11, 6, dtype=torch.float64)
    bias = theirs.bias_ih_l0 + theirs.bias_hh_l0
    weights = theirs.weight_ih_l0, theirs.weight_hh_l0, bias
    h = c = torch.zeros(3, 9, dtype=torch.float64)
    told = []
    for t in range(11):
        h, c = lstm_cell(x[:, t], h, c, weights)
        told.append(h)
    expected, (_, last) = theirs(x)
    assert torch.allclose(torch.stack(told, 1), expected, rtol=0, atol=1e-13)
    assert torch.allclose(c, last[0], rtol=0, atol=1e-13)


def test_a_second_write_to_a_key_replaces_the_first():
    """Write 3 and then 5 under the key (1, 0): it says 5, not 8; half a write, 4."""
    k = torch.tensor([[1.0, 0.0]] * 2).view(1, 1, 2, 2)
    v = torch.tensor([[3.0, 0.0], [5.0, 0.0]]).view(1, 1, 2, 2)
    empty = torch.zeros(1, 1, 2, 2)
    for second, expected in ((1.0, 5.0), (0.5, 4.0), (0.0, 3.0)):
        beta = torch.tensor([1.0, second]).view(1, 1, 2)
        for rule in (delta_steps, delta_chunks):
            told, _ = rule(k, k, v, beta, empty)
            assert told[0, 0, :, 0].tolist() == pytest.approx([3.0, expected])


def test_a_write_of_two_turns_what_was_stored_into_its_opposite():
    """With beta 2 and value 0 an entry changes its sign: parity in one number."""
    k = torch.tensor([1.0, 0.0]).expand(1, 1, 3, 2)
    state = torch.tensor([[1.0, 0.0], [7.0, 0.0]])[None, None]
    beta = torch.full((1, 1, 3), 2.0)
    told, after = delta_steps(k, k, torch.zeros(1, 1, 3, 2), beta, state)
    assert told[0, 0, :, 0].tolist() == [-1.0, 1.0, -1.0]
    assert after[0, 0].tolist() == [[-1.0, 0.0], [7.0, 0.0]]


@pytest.mark.parametrize("reach", [1.0, 2.0])
@pytest.mark.parametrize("T", [1, 2, 13, 64])
def test_one_pass_is_the_steps(T, reach):
    case = delta_case(T, reach=reach)
    told, state = delta_steps(*case)
    for rule in (delta_chunk, partial(delta_chunks, chunk=5), delta_chunks):
        once, after = rule(*case)
        assert torch.allclose(once, told, rtol=0, atol=1e-10)
        assert torch.allclose(after, state, rtol=0, atol=1e-10)


def test_gradients_of_one_pass_are_those_of_the_steps():
    case = [x.requires_grad_() for x in delta_case()]
    found = []
    for rule in (delta_steps, partial(delta_chunks, chunk=4)):
        told, state = rule(*case)
        total = (told.sin().sum() + state.cos().sum()).sum()
        found.append(torch.autograd.grad(total, case))
    for ours, theirs in zip(*found, strict=True):
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-10)


def test_as_many_keys_as_dimensions_are_kept_without_a_loss():
    """Orthogonal keys don't disturb each other; one more key than D must."""
    D = 6
    keys = torch.linalg.qr(torch.randn(D, D, dtype=torch.float64))[0]
    values = torch.randn(D, D, dtype=torch.float64)
    k, v = keys[None, None], values[None, None]
    empty = torch.zeros(1, 1, D, D, dtype=torch.float64)
    _, state = delta_steps(k, k, v, torch.ones(1, 1, D).double(), empty)
    assert torch.allclose(keys @ state[0, 0], values, atol=1e-12)
    one_more = nn.functional.normalize(torch.randn(1, 1, 1, D).double(), dim=-1)
    write = torch.randn(1, 1, 1, D).double()
    _, state = delta_steps(
        one_more, one_more, write, torch.ones(1, 1, 1).double(), state
    )
    assert (keys @ state[0, 0] - values).abs().max() > 0.01
