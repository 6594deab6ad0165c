"""Other people's layouts: every family equals transformers, and what we refuse."""

import pytest
import torch
from families import VARIANTS, tiny

from insidegpt.model.checkpoint import build
from insidegpt.model.convert import (
    GPT2_NAMES,
    LLAMA_NAMES,
    from_gpt2,
    from_llama,
    rename,
)
from insidegpt.model.weights import FAMILIES, Weights


def converted(theirs, **changes):
    """Our model with the weights of theirs, in float64."""
    readers = {name: lambda p=p: p for name, p in theirs.state_dict().items()}
    settings = theirs.config.to_dict() | changes
    convert = FAMILIES[settings["model_type"]]
    return build(Weights(*convert(settings, readers)), dtype=torch.float64)


def some_ids(seed, T=33):
    return torch.randint(96, (2, T), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", range(3))
def test_every_family_equals_transformers_to_1e_9(variant, seed, monkeypatch):
    """transformers rounds norms and angles to float32 in a model of any dtype.

    So that nothing hides under that rounding, its "float32" means float64 here.
    """
    monkeypatch.setattr(torch, "float32", torch.float64)
    monkeypatch.setattr(torch, "float", torch.float64)
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    theirs = tiny(variant, seed=seed)
    ours, ids = converted(theirs), some_ids(seed)
    with torch.inference_mode():
        difference = (ours(ids) - theirs(ids).logits).abs().max()
    assert difference <= 1e-9


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_family_continues_greedily_as_transformers_does(variant):
    from insidegpt import generate

    theirs = tiny(variant, seed=7)
    ours, ids = converted(theirs), some_ids(7, T=5)[:1]
    settings = {"do_sample": False, "max_new_tokens": 24, "pad_token_id": 0}
    asked = {"attention_mask": torch.ones_like(ids), "eos_token_id": None}
    with torch.inference_mode():
        wanted = theirs.generate(ids, **settings, **asked)[0, 5:].tolist()
    new = generate(ours, ids[0].tolist(), max_new_tokens=24, temperature=0)
    assert list(new) == wanted


@pytest.mark.parametrize(
    ("name", "names", "ours"),
    [
        ("model.layers.3.mlp.up_proj.weight", LLAMA_NAMES, "blocks.3.mlp.up.weight"),
        ("lm_head.weight", LLAMA_NAMES, "unembed.weight"),
        ("model.norm.weight", LLAMA_NAMES, "norm.weight"),
        ("h.11.ln_1.bias", GPT2_NAMES, "blocks.11.norm1.bias"),
        ("h.0.mlp.c_proj.weight", GPT2_NAMES, "blocks.0.mlp.down.weight"),
        ("wpe.weight", GPT2_NAMES, "position.weight"),
    ],
)
def test_names(name, names, ours):
    assert rename(name, names) == ours


def test_a_sliding_window_ends_the_context_where_it_is_in_force():
    assert converted(tiny("mistral, sliding")).config.context_tokens == 40
    assert converted(tiny("qwen2, sliding")).config.context_tokens == 40
    stated = {"sliding_window": 40, "use_sliding_window": False}
    assert converted(tiny("qwen2"), **stated).config.context_tokens == 64


def test_a_text_longer_than_the_window_is_refused():
    with pytest.raises(ValueError, match="41 tokens and the model's context holds 40"):
        converted(tiny("mistral, sliding"))(some_ids(0, T=41))


def test_old_files_keep_rope_settings_elsewhere():
    scaling = {"type": "linear", "factor": 4.0}
    old = {"rope_parameters": None, "rope_scaling": scaling, "rope_theta": 1e4}
    theirs = tiny("llama, linear")
    assert converted(theirs, **old).config == converted(theirs).config


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"hidden_act": "relu"}, "hidden_act = 'relu'"),
        ({"attention_bias": True}, "attention_bias = True"),
        ({"mlp_bias": True}, "mlp_bias = True"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "rope scaling = 'yarn'"),
        ({"rope_scaling": {"type": "dynamic"}}, "rope scaling = 'dynamic'"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor = 0.5"),
    ],
)
def test_llamas_we_cannot_compute_are_refused(change, sentence):
    settings = tiny("llama").config.to_dict() | {"rope_parameters": None} | change
    with pytest.raises(ValueError, match=sentence):
        from_llama(settings, {})


def test_a_mixture_of_experts_is_refused():
    theirs = tiny("llama")
    readers = {name: lambda p=p: p for name, p in theirs.state_dict().items()}
    readers["model.layers.0.block_sparse_moe.gate.weight"] = lambda: torch.zeros(1)
    with pytest.raises(ValueError, match="block_sparse_moe.* unknown"):
        Weights(*from_llama(theirs.config.to_dict(), readers))


def test_gpt2s_we_cannot_compute_are_refused():
    with pytest.raises(ValueError, match="activation_function = 'relu'"):
        from_gpt2({"activation_function": "relu", "n_embd": 8}, {})


def test_a_second_copy_of_a_tied_matrix_is_dropped_and_another_matrix_kept():
    theirs = tiny("qwen2, tied")
    assert "lm_head.weight" in theirs.state_dict()
    assert converted(theirs).config.tied
    theirs.lm_head.weight = torch.nn.Parameter(torch.randn(96, 24).double())
    ours, ids = converted(theirs), some_ids(0)
    assert not ours.config.tied
    with torch.inference_mode():
        assert (ours(ids) - theirs(ids).logits).abs().max() < 1e-5


def test_smollm3_may_give_its_unrotated_blocks_as_an_interval():
    theirs = tiny("smollm3")
    listed = converted(theirs).config.unrotated_layers
    changes = {"no_rope_layers": None, "no_rope_layer_interval": 2}
    assert converted(theirs, **changes).config.unrotated_layers == listed == (1,)
