"""Every way back against autograd in float64, part by part and as a whole."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from insidegpt.model.attention import attend as real_attend
from insidegpt.model.attention import causal_mask
from insidegpt.model.config import PRESETS
from insidegpt.model.gpt import GPT
from insidegpt.model.rope import apply_rope, rope_angles
from insidegpt.train import by_hand
from insidegpt.train.loss import cross_entropy

TINY = dataclasses.replace(PRESETS["tiny-llama"], n_heads=4, n_kv_heads=4)


def rotated(x):
    cos, sin = rope_angles(
        torch.arange(x.shape[-2])[None], x.shape[-1], base=1e4, dtype=x.dtype
    )
    return apply_rope(x, cos, sin)


def surprise(logits):
    return F.cross_entropy(logits.flatten(0, 1), torch.tensor([1, 0, 3, 3, 2, 4]))


def attention(q, k, v):
    return real_attend(q, k, v, causal_mask(q.shape[2], q.shape[2]))


PARTS = {
    "linear": (by_hand.linear, F.linear, [(2, 3, 5), (4, 5)]),
    "rms_norm": (
        lambda x, w: by_hand.rms_norm(x, w, 1e-5),
        lambda x, w: F.rms_norm(x, w.shape, w, 1e-5),
        [(2, 3, 5), (5,)],
    ),
    "swiglu": (by_hand.swiglu, lambda g, u: F.silu(g) * u, [(2, 3, 5), (2, 3, 5)]),
    "rotate": (lambda x: by_hand.rotate(x, 1e4), rotated, [(2, 3, 7, 4)]),
    "attend": (by_hand.attend, attention, [(2, 3, 5, 4)] * 3),
    "cross_entropy": (
        lambda x: by_hand.cross_entropy(x, np.array([[1, 0, 3], [3, 2, 4]])),
        surprise,
        [(2, 3, 5)],
    ),
}


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("seed", [0, 1])
def test_each_part_goes_forward_and_back_as_torch_does(name, seed):
    mine, theirs, shapes = PARTS[name]
    draw = np.random.default_rng(seed)
    given = [draw.normal(size=shape) * 2 for shape in shapes]
    result, back = mine(*given)
    tensors = [torch.tensor(x, requires_grad=True) for x in given]
    expected = theirs(*tensors)
    push = draw.normal(size=expected.shape)
    expected.backward(torch.tensor(push))
    assert np.abs(result - expected.detach().numpy()).max() < 1e-12
    for found, tensor in zip(back(push), tensors, strict=True):
        assert np.abs(found - tensor.grad.numpy()).max() < 1e-12


@pytest.mark.parametrize(
    "change",
    [{}, {"qk_norm": True}, {"n_kv_heads": 2}, {"tied": False}, {"n_layers": 3}],
    ids=str,
)
def test_a_whole_model_s_gradients_are_autograd_s(change):
    config = dataclasses.replace(TINY, **change)
    model = GPT(config, generator=torch.Generator().manual_seed(1)).double()
    with torch.no_grad():
        for p in model.parameters():
            p *= 3 if p.ndim == 2 else 1.1  # far from the quiet start
    ids = torch.randint(96, (2, 9), generator=torch.Generator().manual_seed(0))
    loss = cross_entropy(model(ids[:, :-1]), ids[:, 1:])
    (loss.total / loss.tokens).backward()
    weights = {n: p.detach().numpy() for n, p in model.named_parameters()}
    text = ids.numpy()
    found = by_hand.loss_and_gradients(weights, text[:, :-1], text[:, 1:], config)
    assert found.value == pytest.approx(loss.mean, abs=1e-12)
    assert set(found.gradients) == set(weights)
    for name, p in model.named_parameters():
        assert np.abs(found.gradients[name] - p.grad.numpy()).max() < 1e-12, name


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (PRESETS["tiny-gpt2"], "Only models with RMSNorm, RoPE, SwiGLU, no biases"),
        (dataclasses.replace(TINY, rms_eps=None), "Only models with RMSNorm"),
        (dataclasses.replace(TINY, bias="qkv"), "no biases are here"),
        (dataclasses.replace(TINY, unrotated_layers=(1,)), "as in the RoPE paper"),
        (dataclasses.replace(TINY, rope_factors=(2.0,) * 3), "as in the RoPE paper"),
    ],
)
def test_other_kinds_of_models_are_refused(config, why):
    ids = np.zeros((1, 1), int)
    with pytest.raises(ValueError, match=why):
        by_hand.loss_and_gradients({}, ids, ids, config)
