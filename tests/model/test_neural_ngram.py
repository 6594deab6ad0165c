"""The neural n-gram: its arithmetic, what it can see, and that it learns."""

import math

import numpy as np
import pytest
import torch

from insidegpt.measure.likelihood import text_logprobs
from insidegpt.model.neural_ngram import NeuralNGram
from insidegpt.text.batches import Batches
from insidegpt.train.loop import TrainConfig, train
from insidegpt.train.loss import next_token_loss


def fresh(order=3, **shape):
    shape = {"vocab_size": 5, "width": 4, "hidden": 6} | shape
    draw = torch.Generator().manual_seed(0)
    return NeuralNGram(order=order, generator=draw, **shape).double()


def test_one_position_is_bengios_formula():
    """y = b + U tanh(d + H x), x the vectors of the last two tokens, older first."""
    model, ids = fresh(), torch.tensor([[3, 1, 4]])
    C, (H, d), (U, b) = (
        model.embed.weight,
        (model.hidden.weight, model.hidden.bias),
        (model.scores.weight, model.scores.bias),
    )
    for t, pair in enumerate([(0, 3), (3, 1), (1, 4)]):  # 0 before the text
        x = torch.cat([C[i] for i in pair])
        y = b + U @ torch.tanh(d + H @ x)
        assert torch.allclose(model(ids)[0, t], y, atol=1e-14)


def test_exactly_the_last_tokens_are_seen():
    model, ids = fresh(order=4), torch.tensor([[0, 1, 2, 3, 4, 0, 1, 2]])
    before = model(ids)
    for t in range(8):
        other = ids.clone()
        other[0, t] = (other[0, t] + 1) % 5
        changed = (model(other) != before).any(-1)[0].nonzero().flatten().tolist()
        assert changed == [s for s in range(t, t + 3) if s < 8]


def test_a_text_is_scored_the_same_in_windows_as_in_one_piece():
    model, ids = fresh(), (torch.arange(40) * 3 % 5).tolist()
    whole = text_logprobs(model, ids, context_tokens=40)
    parts = text_logprobs(model, ids, context_tokens=8)
    assert torch.allclose(whole, parts, atol=1e-14)


def test_it_begins_undecided_and_learns_a_text():
    text = np.tile(np.arange(5, dtype=np.uint16), 40)
    model = fresh().float()
    batches = Batches(text, context_tokens=16, rows=4)
    config = TrainConfig(60, lr=0.02, matrix_lr=None)
    losses = [step.loss for step in train(model, batches, next_token_loss, config)]
    assert abs(losses[0] - math.log(5)) < 0.2 and losses[-1] < 0.3


def test_an_order_that_reads_nothing_is_refused():
    with pytest.raises(ValueError, match="2 or more, not 1"):
        fresh(order=1)
