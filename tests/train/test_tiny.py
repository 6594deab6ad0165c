"""The GPT in one file computes what the package computes, and learns as it does."""

import ast
import math
from pathlib import Path

import pytest
import torch

from insidegpt.model.config import GPTConfig
from insidegpt.model.gpt import GPT
from insidegpt.text.batches import Batch
from insidegpt.train import tiny
from insidegpt.train.loop import TrainConfig, train
from insidegpt.train.loss import next_token_loss

SHAPE = GPTConfig(
    9, 16, 2, 8, 2, 2, 12, rope_base=1e4, rms_eps=1e-5, mlp="swiglu", bias="none"
)
TEXTS = [[0, 5, 1, 8, 3, 0], [0, 3, 7, 0]]


@pytest.fixture
def model():
    made = GPT(SHAPE, generator=torch.Generator().manual_seed(1)).double()
    with torch.no_grad():
        for p in made.parameters():
            p *= 4 if p.ndim == 2 else 1.2
    return made


def nums(tensor):
    if tensor.ndim:
        return [nums(row) for row in tensor]
    return tiny.Num(tensor.item())


def weights_of(model):
    parts = ("query", "key", "value", "out", "gate", "up", "down")
    blocks = []
    for block in model.blocks:
        layers = {**dict(block.attention.named_children())}
        layers |= dict(block.mlp.named_children())
        made = {name: nums(layers[name].weight) for name in parts}
        norms = {"norm1": nums(block.norm1.weight), "norm2": nums(block.norm2.weight)}
        blocks.append(made | norms)
    embed = nums(model.embed.weight)
    return {"embed": embed, "blocks": blocks, "norm": nums(model.norm.weight)}


def test_a_product_and_a_power_by_hand():
    """z = (x y + x)^2 at x = 3, y = 2: 81; dz/dx = 2 * 9 * 3 = 54, dz/dy = 54."""
    x, y = tiny.Num(3.0), tiny.Num(2.0)
    z = (x * y + x) ** 2
    tiny.backward(z)
    assert (z.value, x.grad, y.grad) == (81.0, 54.0, 54.0)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.exp(),
        lambda x: x.log(),
        lambda x: x**-0.5,
        lambda x: x.times(3.0, plus=2.0) * x,
        lambda x: tiny.dot([x, x * x], [x, x]),
        lambda x: tiny.softmax([x, x * x, x.log()])[1],
        lambda x: tiny.rms_norm([x, x], [x, x * x])[0],
        lambda x: tiny.bend(x),
        lambda x: tiny.rotate([x, x * x, x, x], 3)[0],
    ],
)
def test_each_slope_is_the_limit_of_small_steps(function):
    x = tiny.Num(1.3)
    tiny.backward(function(x))
    ahead, behind = (function(tiny.Num(1.3 + e)).value for e in (1e-6, -1e-6))
    assert x.grad == pytest.approx((ahead - behind) / 2e-6, rel=1e-6)


def test_logits_are_the_model_s(model):
    found = tiny.logits(weights_of(model), TEXTS[0], heads=2)
    expected = model(torch.tensor([TEXTS[0]]))[0]
    rows = [[num.value for num in row] for row in found]
    values = torch.tensor(rows, dtype=torch.float64)
    assert (values - expected).abs().max() < 1e-12


def test_gradients_are_autograd_s(model):
    weights = weights_of(model)
    tiny.backward(tiny.surprise(weights, TEXTS[0], heads=2))
    text = torch.tensor([TEXTS[0]])
    loss = next_token_loss(model, Batch(text[:, :-1], text[:, 1:]))
    (loss.total / loss.tokens).backward()
    block, ours = model.blocks[1], weights["blocks"][1]
    for mine, p in (
        (weights["embed"], model.embed.weight),
        (ours["key"], block.attention.key.weight),
        (ours["norm2"], block.norm2.weight),
        (ours["down"], block.mlp.down.weight),
    ):
        slopes = [num.grad for num in tiny.numbers(mine)]
        found = torch.tensor(slopes, dtype=torch.float64)
        assert (found - p.grad.flatten()).abs().max() < 1e-12


def test_twenty_steps_of_training_are_the_package_s(model):
    class Texts:
        def __getitem__(self, number):
            ids = torch.tensor([TEXTS[number % 2]])
            return Batch(ids[:, :-1], ids[:, 1:])

    mine = list(tiny.train(weights_of(model), TEXTS, heads=2, steps=20, rate=0.01))
    plain = TrainConfig(20, lr=0.01, matrix_lr=None, warmup=0, decay=0.0, clip=None)
    theirs = [step.loss for step in train(model, Texts(), next_token_loss, plain)]
    assert mine == pytest.approx(theirs, abs=1e-9)
    assert mine[-1] < mine[0] / 2


def test_it_writes_up_to_an_end_and_the_same_for_a_seed(model):
    weights = weights_of(model)
    texts = [tiny.invent(weights, 2, 0, 12, seed) for seed in range(8)]
    assert texts == [tiny.invent(weights, 2, 0, 12, seed) for seed in range(8)]
    assert all(0 not in text and len(text) <= 12 for text in texts)
    assert len(set(map(tuple, texts))) > 1


def test_uniform_scores_surprise_by_the_logarithm_of_their_number(model):
    weights = weights_of(model)
    for num in tiny.numbers(weights["norm"]):
        num.value = 0.0
    loss = tiny.surprise(weights, TEXTS[0], heads=2)
    assert loss.value == pytest.approx(math.log(9))


def test_it_imports_nothing_but_two_modules_of_python():
    tree = ast.parse(Path(tiny.__file__).read_text())
    names = {a.name for n in tree.body if isinstance(n, ast.Import) for a in n.names}
    assert names == {"math", "random"}
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(tree))
