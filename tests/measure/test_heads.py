"""Heads that copy are found where we built them, and silenced without a trace."""

import pytest
import torch

from insidegpt.measure.heads import (
    induction_scores,
    previous_scores,
    random_twice,
    silence,
    strongest,
)
from insidegpt.model.config import GPTConfig
from insidegpt.model.gpt import GPT
from insidegpt.model.trace import trace

SHAPE = dict(vocab_size=60, context_tokens=64, n_layers=3, d_model=24, n_heads=3,
             n_kv_heads=3, d_ff=32, rope_base=1e4, rms_eps=1e-5)  # fmt: skip


@pytest.fixture
def model():
    drawn = GPT(GPTConfig(**SHAPE), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for p in drawn.parameters():
            if p.ndim == 2:
                p.mul_(8)  # so that heads differ and look somewhere
    return drawn.double().eval()


@pytest.fixture
def twice():
    return random_twice(60, length=12, first=[0], seed=1)


def test_the_second_copy_repeats_the_first_and_nothing_else(twice):
    assert twice[0] == 0 and len(twice) == 25
    assert torch.equal(twice[1:13], twice[13:])
    assert len(set(twice.tolist())) == 13  # all different, and none the first one
    again = random_twice(60, length=12, first=[0], seed=1)
    assert torch.equal(twice, again)
    assert not torch.equal(twice, random_twice(60, length=12, first=[0], seed=2))


def test_scores_by_hand(model, twice, monkeypatch):
    # Written out: ids a b a b. The second a (2) should look at the first b (1), the
    # second b (3) at what followed the first b, the second a (2).
    looks = torch.zeros(1, 2, 4, 4)
    looks[0, 0] = torch.tensor(
        [[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.1, 0.7, 0.2, 0], [0.2, 0.2, 0.5, 0.1]]
    )
    looks[0, 1, :, 0] = 1
    monkeypatch.setattr(
        "insidegpt.measure.heads.trace",
        lambda model, ids: type("Seen", (), {"attention": looks}),
    )
    ids = torch.tensor([3, 4, 3, 4])
    scores = induction_scores(model, ids, length=2)
    torch.testing.assert_close(scores, torch.tensor([[0.6, 0.0]]))
    # To the token just before: 0.5, 0.7, 0.5; the second head 1, 0, 0.
    torch.testing.assert_close(
        previous_scores(model, ids), torch.tensor([[1.7 / 3, 1 / 3]])
    )


def test_scores_are_the_loops_that_define_them(model, twice):
    looks = trace(model, twice).attention
    scores = induction_scores(model, twice, length=12)
    for layer in range(3):
        for head in range(3):
            found = [looks[layer, head, t, t - 12 + 1].item() for t in range(13, 25)]
            assert scores[layer, head].item() == pytest.approx(sum(found) / 12)
    before = previous_scores(model, twice)
    found = [looks[2, 1, t, t - 1].item() for t in range(1, 25)]
    assert before[2, 1].item() == pytest.approx(sum(found) / 24)
    assert scores.std() > 1e-3


def test_strongest_come_in_order_and_by_layer():
    scores = torch.tensor([[0.1, 0.9], [0.5, 0.2], [0.5, 0.0]])
    assert strongest(scores, 4) == [(0, 1), (1, 0), (2, 0), (1, 1)]


def test_a_silenced_head_is_one_whose_values_are_zero(model, twice):
    with torch.inference_mode():
        whole = model(twice[None])
        with silence(model, [(1, 2), (0, 1)]):
            silent = model(twice[None])
        for layer, head in ((1, 2), (0, 1)):
            mine = slice(8 * head, 8 * head + 8)
            model.blocks[layer].attention.value.weight[mine] = 0
        torch.testing.assert_close(silent, model(twice[None]), rtol=0, atol=1e-12)
    assert (whole - silent).abs().max() > 1e-3


def test_nothing_of_a_silence_is_left(model, twice):
    with torch.inference_mode():
        whole = model(twice[None])
        with pytest.raises(KeyError), silence(model, [(0, 0)]):
            raise KeyError
        assert torch.equal(model(twice[None]), whole)
        with silence(model, []):
            assert torch.equal(model(twice[None]), whole)


def test_silences_lie_within_each_other(model, twice):
    with torch.inference_mode():
        with silence(model, [(0, 0), (0, 1)]):
            both = model(twice[None])
        with silence(model, [(0, 0)]), silence(model, [(0, 1)]):
            assert torch.equal(model(twice[None]), both)


@pytest.mark.parametrize("head", [(3, 0), (0, 3), (-1, 0)])
def test_a_head_that_there_is_not_is_named(model, head):
    with pytest.raises(ValueError, match="3 layers of 3 heads"), silence(model, [head]):
        pass
    assert not any(b.attention.out._forward_pre_hooks for b in model.blocks)


def test_a_text_that_does_not_repeat_is_refused(model, twice):
    with pytest.raises(ValueError, match="end with 11 ids that come twice"):
        induction_scores(model, twice, length=11)
    with pytest.raises(ValueError, match="come twice"):
        induction_scores(model, twice[:5], length=3)
    with pytest.raises(ValueError, match="ask for fewer"):
        random_twice(10, length=11, seed=0)
