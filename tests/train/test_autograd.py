"""Gradients by hand and against torch's, on random graphs and on a model."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from insidegpt.train.autograd import Var, fit

SHAPES = [(2, 3), (3,), (2, 1), (1, 3), ()]
MAKE = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / (b * b + 1.0),
    "number": lambda a, b: 2.0 * a + 1.0,
    "itself": lambda a, b: a * a + a,
    "exp": lambda a, b: (a * 0.1).exp(),
    "log": lambda a, b: (b * b + 0.5).log(),
    "root": lambda a, b: (a * a + 1.0) ** -0.5,
}


def grow(leaves, steps):
    """A number from leaves of either kind, by the steps; earlier results are reused."""
    made = list(leaves)
    for name, i, j in steps:
        made.append(MAKE[name](made[i % len(made)], made[j % len(made)]))
    total = made[-1].sum()
    for one in made[:-1]:
        total = total + (one * 0.3).sum()
    return total


def torch_leaves(values):
    return [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in values]


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(MAKE)), st.integers(0), st.integers(0)),
        max_size=12,
    ),
    st.integers(0, 2**32 - 1),
)
def test_gradients_of_any_graph_are_torch_s(steps, seed):
    draw = np.random.default_rng(seed)
    values = [draw.uniform(-1, 1, shape) for shape in SHAPES]
    ours, theirs = [Var(v) for v in values], torch_leaves(values)
    mine, expected = grow(ours, steps), grow(theirs, steps)
    mine.backward()
    expected.backward()
    assert mine.value == pytest.approx(expected.item(), rel=1e-10)
    for a, b in zip(ours, theirs, strict=True):
        assert a.grad.shape == b.grad.shape
        scale = max(1.0, b.grad.abs().max().item())
        assert np.abs(a.grad - b.grad.numpy()).max() < 1e-10 * scale


@pytest.mark.parametrize(
    "make",
    [
        lambda x, w: (x @ w).exp().sum(),  # (2, 4, 3) @ (3, 5): w is repeated
        lambda x, w: (x[[1, 0, 1]] @ w).sum(),  # row 1 twice
        lambda x, w: (x[..., 1:] @ w[1:] * 2.0).sum(),
        lambda x, w: (x @ (x * 0.5).swapaxes(1, 2)).exp().sum() + w.sum(),
        lambda x, w: (x.reshape(8, 3) @ w)[[0, 0, 5], [1, 1, 2]].sum(),
    ],
)
def test_products_and_places_go_back_as_in_torch(make):
    draw = np.random.default_rng(0)
    values = [draw.normal(size=(2, 4, 3)), draw.normal(size=(3, 5))]
    ours, theirs = [Var(v) for v in values], torch_leaves(values)
    make(*ours).backward()
    make(*theirs).backward()
    for a, b in zip(ours, theirs, strict=True):
        assert np.abs(a.grad - b.grad.numpy()).max() < 1e-11


def test_a_sum_along_an_axis_keeps_it():
    x = Var([[1.0, 2.0], [3.0, 5.0]])
    share = x / x.sum(-1)
    share[0, 0].backward()  # x / (x + y) at 1 and 2: y / 9 and -x / 9
    assert np.allclose(x.grad, [[2 / 9, -1 / 9], [0, 0]], atol=1e-15)


def test_by_hand():
    """z = (xy + x)^2 at 3 and 2: v = 9, so 18 for v; x by both ways 18 * 2 + 18."""
    x, y = Var(3.0), Var(2.0)
    z = (x * y + x) ** 2
    z.backward()
    assert (z.value, x.grad, y.grad) == (81.0, 54.0, 54.0)


def test_what_was_repeated_is_added_up():
    d = np.arange(6.0).reshape(2, 3)
    assert fit(d, (3,)).tolist() == [3, 5, 7]
    assert fit(d, (2, 1)).tolist() == [[3], [12]]
    assert fit(d, ()).tolist() == 15
    assert fit(d, (2, 3)).tolist() == d.tolist()


def test_a_second_walk_adds_the_same_again_at_the_leaves_alone():
    x, y = Var(3.0), Var(2.0)
    u = x * y
    z = (u + x) ** 2
    z.backward()
    z.backward()
    assert (x.grad, y.grad, u.grad) == (108.0, 108.0, None)


def test_each_way_back_is_walked_once_however_often_an_array_is_used():
    x = start = Var(1.0)
    walked = []
    for _ in range(20):
        x = x + x
        x.back = lambda d, back=x.back: walked.append(1) or back(d)
    x.backward()
    assert start.grad == 2.0**20 and len(walked) == 20


def test_a_long_chain_needs_no_recursion():
    x = start = Var(1.0)
    for _ in range(5000):
        x = x * 1.0
    x.backward()
    assert start.grad == 1.0


def test_the_order_is_torch_s():
    """Newest first, although the graph forks at u and at a."""

    def compute(a, b):
        u = a * b
        v = u.exp()
        w = a + u
        product = w * v
        return [u, v, w, product, product.sum()]

    theirs, walked = compute(*torch_leaves([3.0, 2.0])), []
    for place, tensor in enumerate(theirs):
        tensor.grad_fn.register_prehook(lambda d, place=place: walked.append(place))
    theirs[-1].backward()
    ours, order = compute(Var(3.0), Var(2.0)), []
    for place, var in enumerate(ours):
        noted = lambda d, place=place, back=var.back: order.append(place) or back(d)  # noqa: E731
        var.back = noted
    ours[-1].backward()
    assert order == walked == [4, 3, 2, 1, 0]


def test_a_constant_stops_the_way_back():
    x = Var(3.0)
    detached = Var(x.value, wanted=False)
    (x * detached).backward()
    assert x.grad == 3.0 and detached.grad is None  # and not 6
    with pytest.raises(ValueError, match="Only a number that depends"):
        Var(2.0, wanted=False).backward()
    with pytest.raises(ValueError, match="Only a number"):
        Var([1.0, 2.0]).backward()


def test_leaves_do_not_share_their_gradients():
    x, y = Var([1.0, 2.0]), Var([3.0, 4.0])
    (x + y).sum().backward()
    x.grad += 1
    assert y.grad.tolist() == [1.0, 1.0]


def test_it_trains_as_torch_does():
    """A table, a product, a bend, a product, and the surprise about the next letter."""
    text = np.frombuffer(b"the weather today is fine and the wind is weak ", np.uint8)
    text = (text.astype(int) - 96) % 32
    ids, targets = text[:-1], text[1:]
    draw = np.random.default_rng(0)
    values = [draw.normal(size=s) / 2 for s in ((32, 6), (6, 16), (16, 32))]

    def loss_of(table, inner, outer, highest):
        x = table[ids] @ inner
        scores = (x / ((x * -1.0).exp() + 1.0)) @ outer
        scores = scores - highest(scores)
        logs = scores.exp().sum(-1).log()
        return (logs.sum() - scores[np.arange(len(ids)), targets].sum()) / len(ids)

    ours, losses = [Var(v) for v in values], []
    for _ in range(60):
        loss = loss_of(*ours, lambda s: s.value.max(-1, keepdims=True))
        loss.backward()
        ours = [Var(w.value - 0.5 * w.grad) for w in ours]
        losses.append(float(loss.value))
    theirs = torch_leaves(values)
    for expected in losses:
        table, inner, outer = theirs
        scores = F.silu(table[torch.from_numpy(ids)] @ inner) @ outer
        loss = F.cross_entropy(scores, torch.from_numpy(targets))
        assert loss.item() == pytest.approx(expected, abs=1e-10)
        for w, d in zip(theirs, torch.autograd.grad(loss, theirs), strict=True):
            w.data -= 0.5 * d
    assert losses[-1] < 0.6 * losses[0] < math.log(32)
