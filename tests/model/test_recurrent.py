"""Models with a state: read in parts, one size after any text, causal; they learn."""

from functools import partial

import pytest
import torch

from insidegpt.model.config import PRESETS, GPTConfig
from insidegpt.model.recurrent import (
    DeltaBlock,
    LSTMBlock,
    RecurrentLM,
    ShortConvolution,
)
from insidegpt.text.batches import Batch
from insidegpt.train.loop import TrainConfig, train
from insidegpt.train.loss import next_token_loss

CONFIG = PRESETS["tiny-llama"]
BLOCKS = {
    "lstm": partial(LSTMBlock, width=20),
    "delta": DeltaBlock,
    "delta to 2": partial(DeltaBlock, reach=2.0),
}


@pytest.fixture(params=BLOCKS)
def model(request):
    g = torch.Generator().manual_seed(0)
    return RecurrentLM(CONFIG, BLOCKS[request.param], generator=g).double()


def test_the_short_convolution_sees_three_earlier_tokens():
    layer = ShortConvolution(4).double()
    x = torch.randn(1, 9, 4, dtype=torch.float64)
    before = layer(x)
    x[:, 4] += 1
    changed = (layer(x) != before).any(-1)[0].tolist()
    assert changed == [4 <= t <= 7 for t in range(9)]
    assert torch.equal(layer(x[:, 5:], x[:, 2:5]), layer(x)[:, 5:])


def test_reading_in_parts_is_reading_at_once(model):
    ids = torch.randint(96, (2, 31))
    whole = model(ids)
    for sizes in ([31], [1] * 31, [10, 1, 20]):
        parts, states = [], None
        for part in ids.split(sizes, 1):
            logits, states = model.read(part, states)
            parts.append(logits)
        assert torch.allclose(torch.cat(parts, 1), whole, rtol=0, atol=1e-10)


def test_a_state_is_as_large_after_a_long_text(model):
    def numbers(states):
        return sum(x.numel() for state in states for x in state)

    short, long = (model.read(torch.randint(96, (1, T)))[1] for T in (1, 30))
    assert numbers(short) == numbers(long)


def test_changing_a_token_leaves_earlier_logits_bit_equal(model):
    ids = torch.randint(96, (1, 20))
    before = model(ids)
    ids[0, 12] = (ids[0, 12] + 1) % 96
    after = model(ids)
    assert torch.allclose(before[:, :12], after[:, :12], rtol=0, atol=1e-13)
    assert (before[:, 12:] - after[:, 12:]).abs().amax(-1).min() > 0


def test_a_generator_fixes_all_that_begins_at_random(model):
    make = BLOCKS["delta"]
    models = [
        RecurrentLM(CONFIG, make, generator=torch.Generator().manual_seed(s))
        for s in (1, 1, 2)
    ]
    first, again, other = (
        torch.cat([p.flatten() for p in m.parameters()]) for m in models
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_forget_gates_begin_open():
    model = RecurrentLM(CONFIG, BLOCKS["lstm"])
    bias = model.blocks[0].lstm.bias_ih_l0
    assert bias.tolist() == [0.0] * 20 + [1.0] * 20 + [0.0] * 40


def test_it_learns(model):
    ids = torch.randint(96, (4, 17))
    batch = Batch(ids[:, :-1], ids[:, 1:])
    steps = list(train(model, [batch] * 30, next_token_loss, TrainConfig(30)))
    assert steps[-1].loss < 0.75 * steps[0].loss


def test_unknown_ids_and_empty_texts_are_refused(model):
    with pytest.raises(ValueError, match="0..95"):
        model(torch.tensor([[96]]))
    with pytest.raises(ValueError, match="empty"):
        model(torch.empty(1, 0, dtype=torch.long))


def test_widths_that_heads_do_not_divide_are_refused_by_the_config():
    with pytest.raises(ValueError, match="multiple of n_heads"):
        RecurrentLM(GPTConfig(96, 32, 1, 25, 4, 4, 8), DeltaBlock)
