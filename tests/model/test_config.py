"""A configuration is a model that can exist, or a sentence saying why it can't."""

import dataclasses

import pytest

from insidegpt.model.config import PRESETS, GPTConfig


def test_presets_are_the_published_shapes():
    smollm2 = PRESETS["smollm2"]
    assert smollm2.d_head == 64 and smollm2.n_heads // smollm2.n_kv_heads == 3
    assert PRESETS["gpt2"].d_head == PRESETS["gpt2-xl"].d_head == 64


def test_at_most_twelve_fields():
    assert len(dataclasses.fields(GPTConfig)) <= 12


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"vocab_size": 0}, "vocab_size must be at least 1"),
        ({"n_layers": -3}, "n_layers must be at least 1"),
        ({"context_tokens": 0}, "context_tokens must be at least 1"),
        ({"d_model": 577}, "multiple of n_heads"),
        ({"n_kv_heads": 4}, "multiple of n_kv_heads"),
        ({"d_model": 9, "n_kv_heads": 9}, "even width"),
        ({"rope_base": 0.5}, "base above 1"),
        ({"rms_eps": 0.0}, "rms_eps must lie"),
        ({"mlp": "relu"}, 'mlp must be "gelu" or "swiglu"'),
    ],
)
def test_impossible_numbers_are_one_sentence(change, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        dataclasses.replace(PRESETS["smollm2"], **change)
    assert "\n" not in str(caught.value)
