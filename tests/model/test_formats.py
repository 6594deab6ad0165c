"""Other people's layouts: names, transposes, permutations, and what we refuse."""

import numpy as np
import pytest
import torch
from gguf import GGUFWriter
from transformers import LlamaConfig, LlamaForCausalLM

from insidegpt.files.gguf import read_gguf
from insidegpt.model.formats import (
    GGUF_NAMES,
    GPT2_NAMES,
    LLAMA_NAMES,
    from_gguf,
    from_gpt2,
    from_llama,
    rename,
)
from insidegpt.model.weights import build

LLAMA = LlamaConfig(
    vocab_size=96,
    hidden_size=32,
    intermediate_size=40,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
)


@pytest.mark.parametrize(
    ("name", "names", "ours"),
    [
        ("model.layers.3.mlp.up_proj.weight", LLAMA_NAMES, "blocks.3.mlp.up.weight"),
        ("lm_head.weight", LLAMA_NAMES, "unembed.weight"),
        ("model.norm.weight", LLAMA_NAMES, "norm.weight"),
        ("h.11.ln_1.bias", GPT2_NAMES, "blocks.11.norm1.bias"),
        ("h.0.mlp.c_proj.weight", GPT2_NAMES, "blocks.0.mlp.down.weight"),
        ("wpe.weight", GPT2_NAMES, "position.weight"),
        ("blk.0.attn_output.weight", GGUF_NAMES, "blocks.0.attention.out.weight"),
        ("output_norm.weight", GGUF_NAMES, "norm.weight"),
    ],
)
def test_names(name, names, ours):
    assert rename(name, names) == ours


def interleave(weight, heads):
    """llama.cpp's order of a head's rows: i and i + D/2 become neighbours."""
    rows, width = weight.shape
    halves = weight.view(heads, 2, rows // heads // 2, width)
    return halves.transpose(1, 2).reshape(rows, width)


def test_gguf_rows_are_put_back_in_order(tmp_path):
    """Written as llama.cpp's converter does, read back: logits equal transformers'."""
    torch.manual_seed(0)
    theirs = LlamaForCausalLM(LLAMA).eval()
    back = {name: other for other, name in LLAMA_NAMES.items()}
    writer = GGUFWriter(tmp_path / "m.gguf", "llama")
    for key, value in {
        "block_count": 2,
        "context_length": 2048,
        "embedding_length": 32,
        "feed_forward_length": 40,
        "attention.head_count": 4,
        "attention.head_count_kv": 2,
        "rope.dimension_count": 8,
    }.items():
        writer.add_uint32(f"llama.{key}", value)
    writer.add_float32("llama.rope.freq_base", 1e4)
    writer.add_float32("llama.attention.layer_norm_rms_epsilon", 1e-6)
    for name, p in theirs.state_dict().items():
        if "q_proj" in name or "k_proj" in name:
            p = interleave(p, 4 if "q_proj" in name else 2)
        ours = rename(name, LLAMA_NAMES)
        gguf_name = rename(ours, {ours: other for other, ours in GGUF_NAMES.items()})
        writer.add_tensor(gguf_name, p.numpy().astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert back["blocks"] == "model.layers"
    model = build(*from_gguf(read_gguf(tmp_path / "m.gguf")), dtype=torch.float32)
    ids = torch.arange(9)[None]
    with torch.inference_mode():
        assert (model(ids) - theirs(ids).logits).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"hidden_act": "relu"}, "hidden_act = 'relu'"),
        ({"attention_bias": True}, "attention_bias = True"),
        ({"head_dim": 16}, "head_dim = 16"),
        ({"rope_scaling": {"type": "linear", "factor": 2}}, "rope scaling = 'linear'"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "rope scaling = 'yarn'"),
    ],
)
def test_llamas_we_cannot_compute_are_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        from_llama(LLAMA.to_dict() | change, {})


def test_gpt2s_we_cannot_compute_are_refused():
    with pytest.raises(ValueError, match="activation_function = 'relu'"):
        from_gpt2({"activation_function": "relu", "n_embd": 8}, {})
