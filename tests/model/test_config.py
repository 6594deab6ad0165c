"""A configuration is a model that can exist, or a sentence saying why it can't."""

import dataclasses

import pytest
import torch

from insidegpt.model.config import PRESETS, GPTConfig
from insidegpt.model.gpt import GPT


@pytest.mark.parametrize(
    ("preset", "parameters"),
    # GPT-2's README; SmolLM2's model card, which rounds to 135M.
    [("gpt2", 124_439_808), ("gpt2-xl", 1_557_611_200), ("smollm2", 134_515_008)],
)
def test_presets_have_the_published_number_of_parameters(preset, parameters):
    with torch.device("meta"):
        model = GPT(PRESETS[preset])
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_at_most_sixteen_fields():
    assert len(dataclasses.fields(GPTConfig)) <= 16


def test_heads_may_have_a_width_of_their_own():
    config = dataclasses.replace(PRESETS["smollm2"], n_heads=12, head_width=80)
    assert config.d_head == 80


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"vocab_size": 0}, "vocab_size must be a number from 1 on"),
        ({"n_layers": -3}, "n_layers must be a number from 1 on"),
        ({"context_tokens": 0}, "context_tokens must be a number from 1 on"),
        ({"d_model": 577}, "multiple of n_heads"),
        ({"n_kv_heads": 4}, "multiple of n_kv_heads"),
        ({"d_model": 9, "n_kv_heads": 9}, "even width"),
        ({"rope_base": 0.5}, "base above 1"),
        ({"rms_eps": 0.0}, "rms_eps must lie"),
        ({"head_width": -8}, "head_width must be at least 1"),
        ({"bias": "some"}, 'bias must be "all", "qkv" or "none", not .some'),
        ({"rope_factors": (1.0, 2.0)}, "rope_factors must be 32 numbers"),
        ({"rope_base": None, "unrotated_layers": (3,)}, "need a rope_base"),
        ({"rms_eps": None, "qk_norm": True}, "it needs rms_eps"),
        ({"mlp": "relu"}, 'mlp must be "gelu" or "swiglu"'),
    ],
)
def test_impossible_numbers_are_one_sentence(change, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        dataclasses.replace(PRESETS["smollm2"], **change)
    assert "\n" not in str(caught.value)
