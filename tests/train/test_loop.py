"""The loop learns, is exact about parts of a batch, and stops in time."""

import dataclasses

import pytest
import torch
from small_training import TEXT, fresh, weights

from insidegpt.text.batches import IGNORED, Batch, Batches
from insidegpt.train.loop import TrainConfig, train
from insidegpt.train.loss import Loss, next_token_loss


@pytest.fixture
def batches():
    return Batches(TEXT, context_tokens=8, rows=4)


@pytest.mark.parametrize("matrix_lr", [0.02, None])
def test_it_learns(batches, matrix_lr):
    config = TrainConfig(90, lr=0.01, matrix_lr=matrix_lr, warmup=5)
    steps = list(train(fresh(), batches, next_token_loss, config))
    assert steps[0].loss > 2.5
    assert sum(s.loss for s in steps[-20:]) / 20 < 0.5
    assert [s.number for s in steps] == list(range(90))
    assert {s.tokens for s in steps} == {32}


def test_parts_of_unequal_size_make_the_step_of_the_whole():
    """Four rows at once, and as two batches of which one is mostly masked."""
    ids = torch.randint(16, (4, 9))
    targets = ids[:, 1:].clone()
    targets[:2, 1:] = IGNORED
    whole = Batch(ids[:, :-1], targets)
    parts = [Batch(whole.ids[i : i + 2], targets[i : i + 2]) for i in (0, 2)]
    config = TrainConfig(1, warmup=0)
    models = fresh(), fresh()
    one = list(train(models[0], [whole], next_token_loss, config))
    both = dataclasses.replace(config, accumulate=2)
    two = list(train(models[1], parts, next_token_loss, both))
    assert one[0].tokens == two[0].tokens and one[0].loss == pytest.approx(two[0].loss)
    assert (weights(models[0]) - weights(models[1])).abs().max() < 1e-12


def test_a_long_gradient_is_shortened_and_reported_as_it_was(batches):
    moves = {}
    for clip in (None, 1e-12):
        model, before = fresh(), weights(fresh())
        config = TrainConfig(1, matrix_lr=None, warmup=0, clip=clip)
        (step,) = train(model, batches, next_token_loss, config)
        moves[clip] = (step.gradient, (weights(model) - before).abs().max())
    assert moves[None][0] == moves[1e-12][0] > 0.1
    # Far below Adam's eps nothing moves: the short gradient is what was used.
    assert moves[1e-12][1] < moves[None][1] / 100


def test_a_batch_in_which_nothing_counts_ends_with_a_sentence():
    ids = torch.zeros(2, 8, dtype=torch.long)
    batch = Batch(ids, torch.full_like(ids, IGNORED))
    with pytest.raises(ValueError, match="No token of step 0 counts"):
        list(train(fresh(), [batch], next_token_loss, TrainConfig(1)))


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_leaves_the_weights_alone(batches, wrong):
    model = fresh()

    def loss_fn(model, batch):
        loss = next_token_loss(model, batch)
        return Loss(loss.total * wrong, loss.tokens)

    before = weights(model)
    with pytest.raises(FloatingPointError, match="Step 0 has a loss of"):
        list(train(model, batches, loss_fn, TrainConfig(3)))
    assert torch.equal(weights(model), before)


def test_training_may_stop_after_any_step(batches):
    model = fresh()
    loop = train(model, batches, next_token_loss, TrainConfig(100))
    next(loop), next(loop)
    two = weights(model)
    loop.close()
    assert torch.equal(weights(model), two)


def test_autocast_computes_in_sixteen_bits_and_keeps_weights_in_thirty_two(batches):
    model = fresh(torch.float32)
    config = TrainConfig(30, lr=0.01, warmup=3, autocast=torch.bfloat16)
    steps = list(train(model, batches, next_token_loss, config))
    assert steps[-1].loss < steps[0].loss - 1
    assert {p.dtype for p in model.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"lr": 0.0}, {"warmup": -1}, {"decay": 1.5}, {"accumulate": 0}],
)
def test_contradictions_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TrainConfig(**{"steps": 10} | wrong)
