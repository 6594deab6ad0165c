"""Norms and MLPs against the arithmetic and against transformers."""

import dataclasses

import torch
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaMLP, LlamaRMSNorm

from insidegpt.model.config import PRESETS
from insidegpt.model.layers import GeluMLP, RMSNorm, SwigluMLP, make_mlp, make_norm


def test_rms_norm_by_hand():
    """(3, 4): the root mean square is sqrt(12.5), so the result is (3, 4) / 3.5355."""
    out = RMSNorm(2, eps=1e-12)(torch.tensor([3.0, 4.0]))
    assert torch.allclose(out, torch.tensor([3.0, 4.0]) / 12.5**0.5)


def test_rms_norm_equals_transformers():
    x = torch.randn(2, 3, 16)
    ours, theirs = RMSNorm(16, eps=1e-5), LlamaRMSNorm(16, eps=1e-5)
    scale = torch.randn(16)
    ours.weight.data, theirs.weight.data = scale, scale.clone()
    assert torch.allclose(ours(x), theirs(x), atol=1e-6)


def test_norms_ignore_the_length_of_a_vector():
    x = torch.randn(4, 24).double()
    for preset in ("tiny-gpt2", "tiny-llama"):
        config = PRESETS[preset]
        norm = make_norm(config).double()
        assert torch.allclose(norm(x), norm(1000 * x), atol=1e-3)


def test_swiglu_equals_transformers():
    config = PRESETS["tiny-llama"]
    theirs = LlamaMLP(
        LlamaConfig(hidden_size=24, intermediate_size=48, num_attention_heads=6)
    ).double()
    ours = SwigluMLP(config).double()
    for name in ("gate", "up", "down"):
        getattr(ours, name).weight = getattr(theirs, f"{name}_proj").weight
    x = torch.randn(2, 24).double()
    assert torch.allclose(ours(x), theirs(x), atol=1e-12)


def test_the_configuration_chooses():
    assert isinstance(make_mlp(PRESETS["gpt2"]), GeluMLP)
    bare = dataclasses.replace(PRESETS["tiny-gpt2"], bias="none")
    assert make_norm(bare).bias is None and make_mlp(bare).up.bias is None
