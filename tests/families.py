"""Small random models of every family, written by transformers; and as GGUF."""

import numpy as np
import torch
import transformers as hf
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import quantize

SIZES = {
    "vocab_size": 96,
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0}
LLAMA3 |= {"high_freq_factor": 4.0, "original_max_position_embeddings": 32}
# Name: transformers' kind, and what differs from SIZES.
VARIANTS = {
    "llama": ("Llama", {}),
    "llama, as many keys as queries, tied": (
        "Llama",
        {"num_key_value_heads": 6, "tie_word_embeddings": True},
    ),
    "llama, one key, wide heads": (
        "Llama",
        {"num_key_value_heads": 1, "head_dim": 10, "rms_norm_eps": 1e-4},
    ),
    "llama 3.2": (
        "Llama",
        {"rope_parameters": LLAMA3 | {"rope_theta": 500.0}, "head_dim": 16},
    ),
    "llama, linear": (
        "Llama",
        {"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 1e4}},
    ),
    "mistral": ("Mistral", {"sliding_window": None, "head_dim": 8}),
    "mistral, sliding": ("Mistral", {"sliding_window": 40}),
    "qwen2": ("Qwen2", {}),
    "qwen2, tied": ("Qwen2", {"tie_word_embeddings": True}),
    "qwen2, sliding": (
        "Qwen2",
        {"use_sliding_window": True, "sliding_window": 40, "max_window_layers": 1},
    ),
    "qwen2, wide": ("Qwen2", {"hidden_size": 96, "intermediate_size": 64}),
    "qwen3": ("Qwen3", {"head_dim": 16}),
    "qwen3, tied": ("Qwen3", {"head_dim": 4, "tie_word_embeddings": True}),
    "smollm3": ("SmolLM3", {"pad_token_id": 0, "no_rope_layer_interval": 2}),
    "smollm3, four layers": ("SmolLM3", {"pad_token_id": 0, "num_hidden_layers": 4}),
    "gpt2": ("GPT2", {}),
    "gpt2, narrow": ("GPT2", {"n_inner": 50, "n_head": 2}),
}
GPT2_SIZES = {"vocab_size": 96, "n_embd": 24, "n_layer": 3, "n_head": 4}
GPT2_SIZES |= {"n_positions": 64}


def tiny(variant: str, *, seed: int = 0) -> torch.nn.Module:
    """A random model in float64; also what begins as zeros and ones is random."""
    kind, changes = VARIANTS[variant]
    sizes = (GPT2_SIZES if kind == "GPT2" else SIZES) | changes
    head = "LMHeadModel" if kind == "GPT2" else "ForCausalLM"
    torch.manual_seed(seed)
    config = getattr(hf, f"{kind}Config")(**sizes)
    config._attn_implementation = "eager"
    model = getattr(hf, f"{kind}{head}")(config).double().eval()
    for p in model.parameters():
        p.data += 0.1 * torch.randn_like(p)
    return model


# llama.cpp's names, as its converter writes them.
LLAMA_GGUF = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "model.layers": "blk",
}
GPT2_GGUF = {
    "transformer.wte": "token_embd",
    "transformer.wpe": "position_embd",
    "transformer.ln_f": "output_norm",
    "transformer.h": "blk",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
    "ln_1": "attn_norm",
    "ln_2": "ffn_norm",
}
ARCHITECTURE = {"Llama": "llama", "Mistral": "llama", "Qwen2": "qwen2"}
ARCHITECTURE |= {"Qwen3": "qwen3", "SmolLM3": "smollm3", "GPT2": "gpt2"}
INTERLEAVED = ("llama", "smollm3")


def interleave(weight: np.ndarray, heads: int) -> np.ndarray:
    """llama.cpp's order of a head's rows: i and i + D/2 become neighbours."""
    rows = weight.shape[0]
    halves = weight.reshape(heads, 2, rows // heads // 2, -1)
    return halves.swapaxes(1, 2).reshape(weight.shape)


def write_gguf(model, path, variant: str, *, kind: str = "F32") -> None:
    """The model as llama.cpp's converter would write it, matrices of type ``kind``."""
    family, c = VARIANTS[variant][0], model.config
    arch, gpt2 = ARCHITECTURE[family], family == "GPT2"
    writer = GGUFWriter(path, arch)
    heads = c.num_attention_heads
    writer.add_block_count(c.num_hidden_layers)
    writer.add_context_length(c.max_position_embeddings)
    writer.add_embedding_length(c.hidden_size)
    writer.add_head_count(heads)
    if gpt2:
        writer.add_feed_forward_length(c.n_inner or 4 * c.n_embd)
        writer.add_layer_norm_eps(c.layer_norm_epsilon)
    else:
        d_head = getattr(c, "head_dim", None) or c.hidden_size // heads
        writer.add_feed_forward_length(c.intermediate_size)
        writer.add_head_count_kv(c.num_key_value_heads)
        writer.add_layer_norm_rms_eps(c.rms_norm_eps)
        writer.add_rope_freq_base(c.rope_parameters["rope_theta"])
        writer.add_key_length(d_head)
        writer.add_value_length(d_head)
        writer.add_rope_dimension_count(d_head)
        if c.rope_parameters["rope_type"] == "linear":
            writer.add_uint32(f"{arch}.rope.scaling.factor", 4)
            writer.add_string(f"{arch}.rope.scaling.type", "linear")
        if c.rope_parameters["rope_type"] == "llama3":
            plain = 500.0 ** -(np.arange(0, d_head, 2) / d_head)
            inverse = model.model.rotary_emb.inv_freq.double().numpy()
            writer.add_tensor("rope_freqs.weight", (plain / inverse).astype(np.float32))
    for name, p in model.state_dict().items():
        if name == "lm_head.weight" and c.tie_word_embeddings:
            continue
        if gpt2 and name.endswith("weight") and ".c_" in name:
            p = p.T
        values = p.numpy().astype(np.float32)
        if arch in INTERLEAVED and ("q_proj" in name or "k_proj" in name):
            count = heads if "q_proj" in name else c.num_key_value_heads
            values = interleave(values, count)
        for theirs, short in (GPT2_GGUF if gpt2 else LLAMA_GGUF).items():
            if f"{theirs}." in name:
                name = name.replace(f"{theirs}.", f"{short}.")
        stored = GGMLQuantizationType[kind]
        if values.ndim == 2 and kind != "F32":
            writer.add_tensor(name, quantize(values, stored), raw_dtype=stored)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
