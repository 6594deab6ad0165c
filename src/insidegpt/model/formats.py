"""Other people's names, shapes and orders of the same parameters, turned into ours.

Each function takes what a file holds and returns ``(GPTConfig, state dict)``, or says
in one sentence why this package can't compute that model. Page:
algorithm/the-whole-model.
"""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from insidegpt.files.gguf import GGUF
from insidegpt.model.config import GPTConfig

State = dict[str, Tensor]

LLAMA_NAMES = {
    "model.embed_tokens": "embed",
    "model.norm": "norm",
    "lm_head": "unembed",
    "model.layers": "blocks",
    "input_layernorm": "norm1",
    "post_attention_layernorm": "norm2",
    "self_attn.q_proj": "attention.query",
    "self_attn.k_proj": "attention.key",
    "self_attn.v_proj": "attention.value",
    "self_attn.o_proj": "attention.out",
    "mlp.gate_proj": "mlp.gate",
    "mlp.up_proj": "mlp.up",
    "mlp.down_proj": "mlp.down",
}
GPT2_NAMES = {
    "wte": "embed",
    "wpe": "position",
    "ln_f": "norm",
    "h": "blocks",
    "ln_1": "norm1",
    "ln_2": "norm2",
    "attn.c_proj": "attention.out",
    "mlp.c_fc": "mlp.up",
    "mlp.c_proj": "mlp.down",
}
GGUF_NAMES = {
    "token_embd": "embed",
    "output_norm": "norm",
    "output": "unembed",
    "blk": "blocks",
    "attn_norm": "norm1",
    "ffn_norm": "norm2",
    "attn_q": "attention.query",
    "attn_k": "attention.key",
    "attn_v": "attention.value",
    "attn_output": "attention.out",
    "ffn_gate": "mlp.gate",
    "ffn_up": "mlp.up",
    "ffn_down": "mlp.down",
}


def rename(name: str, names: Mapping[str, str]) -> str:
    """Our name of a parameter: known parts, bounded by dots, are replaced."""
    parts = "|".join(re.escape(part) for part in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<![^.])({parts})(?![^.])", lambda m: names[m[1]], name)


def from_llama(settings: Mapping[str, Any], state: State) -> tuple[GPTConfig, State]:
    """A ``transformers`` Llama: ``settings`` is its config.json."""
    rope = _rope_settings(settings)
    heads, width = settings["num_attention_heads"], settings["hidden_size"]
    _refuse_unless(settings, "hidden_act", ("silu", None))
    _refuse_unless(settings, "attention_bias", (False, None))
    _refuse_unless(settings, "mlp_bias", (False, None))
    _refuse_unless(settings, "head_dim", (width // heads, None))
    config = GPTConfig(
        vocab_size=settings["vocab_size"],
        context_tokens=settings["max_position_embeddings"],
        n_layers=settings["num_hidden_layers"],
        d_model=width,
        n_heads=heads,
        n_kv_heads=settings.get("num_key_value_heads") or heads,
        d_ff=settings["intermediate_size"],
        rope_base=float(rope.get("rope_theta", 1e4)),
        rms_eps=settings.get("rms_norm_eps", 1e-6),
        mlp="swiglu",
        bias=False,
        tied=settings.get("tie_word_embeddings", False),
    )
    ours = {
        rename(name, LLAMA_NAMES): tensor
        for name, tensor in state.items()
        if not name.endswith("rotary_emb.inv_freq")  # follows from the base
    }
    return config, _untie(config, ours)


def from_gpt2(settings: Mapping[str, Any], state: State) -> tuple[GPTConfig, State]:
    """A ``transformers`` GPT-2. It stores matrices transposed, and q, k, v as one."""
    _refuse_unless(settings, "activation_function", ("gelu_new", None))
    _refuse_unless(settings, "layer_norm_epsilon", (1e-5, None))
    _refuse_unless(settings, "scale_attn_by_inverse_layer_idx", (False, None))
    _refuse_unless(settings, "scale_attn_weights", (True, None))
    _refuse_unless(settings, "add_cross_attention", (False, None))
    width = settings["n_embd"]
    config = GPTConfig(
        vocab_size=settings["vocab_size"],
        context_tokens=settings["n_positions"],
        n_layers=settings["n_layer"],
        d_model=width,
        n_heads=settings["n_head"],
        n_kv_heads=settings["n_head"],
        d_ff=settings.get("n_inner") or 4 * width,
        tied=settings.get("tie_word_embeddings", True),
    )
    ours = {}
    for name, tensor in state.items():
        name = name.removeprefix("transformer.").replace("lm_head", "unembed")
        if not re.search(r"\.attn\.(masked_)?bias$", name):  # old files carry the mask
            ours |= _gpt2_parts(name, tensor)
    return config, _untie(config, ours)


def _gpt2_parts(name: str, tensor: Tensor) -> State:
    """One stored tensor under our names: one, or three where q, k and v are fused."""
    if re.search(r"\.c_\w+\.weight$", name):
        tensor = tensor.T.contiguous()
    if ".attn.c_attn." not in name:
        return {rename(name, GPT2_NAMES): tensor}
    name = rename(name, GPT2_NAMES)
    thirds = zip(("query", "key", "value"), tensor.chunk(3), strict=True)
    return {
        name.replace("attn.c_attn", f"attention.{part}"): third.contiguous()
        for part, third in thirds
    }


def from_gguf(gguf: GGUF) -> tuple[GPTConfig, State]:
    """A Llama in llama.cpp's GGUF, blocks dequantized to float32.

    llama.cpp rotates neighbours, so its files hold the rows of each query and key head
    interleaved: row 2i of a head is our row i, row 2i + 1 our row i + D/2.
    """
    meta = gguf.metadata
    _refuse_unless(meta, "general.architecture", ("llama",))
    _refuse_unless(meta, "llama.rope.scaling.type", ("none", None))
    heads, width = meta["llama.attention.head_count"], meta["llama.embedding_length"]
    _refuse_unless(meta, "llama.rope.dimension_count", (width // heads, None))
    config = GPTConfig(
        vocab_size=gguf.tensors["token_embd.weight"].shape[0],
        context_tokens=meta["llama.context_length"],
        n_layers=meta["llama.block_count"],
        d_model=width,
        n_heads=heads,
        n_kv_heads=meta.get("llama.attention.head_count_kv", heads),
        d_ff=meta["llama.feed_forward_length"],
        rope_base=float(meta.get("llama.rope.freq_base", 1e4)),
        rms_eps=round(meta["llama.attention.layer_norm_rms_epsilon"], 9),
        mlp="swiglu",
        bias=False,
        tied="output.weight" not in gguf.tensors,
    )
    ours = {}
    for name in gguf.tensors:
        tensor = gguf.tensor(name)
        if ".attn_q." in name or ".attn_k." in name:
            pairs = tensor.view(-1, config.d_head // 2, 2, config.d_model)
            tensor = pairs.transpose(1, 2).reshape(tensor.shape)
        ours[rename(name, GGUF_NAMES)] = tensor
    return config, ours


def _rope_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Rotary settings, which old files spread over three places."""
    both = [settings.get(key) or {} for key in ("rope_scaling", "rope_parameters")]
    for rope in both:
        kind = {"rope scaling": rope.get("rope_type", rope.get("type"))}
        _refuse_unless(kind, "rope scaling", ("default", None))
    top = {key: settings[key] for key in ("rope_theta",) if settings.get(key)}
    return top | both[0] | both[1]


def _untie(config: GPTConfig, state: State) -> State:
    """Drop the second copy of a tied embedding, which some files hold."""
    if config.tied:
        state.pop("unembed.weight", None)
    return state


def _refuse_unless(settings: Mapping[str, Any], key: str, known: tuple) -> None:
    found = settings.get(key)
    if found not in known:
        raise ValueError(
            f"This model has {key} = {found!r}, and this package computes only "
            f"{known[0]!r}: choose another model of the GPT-2 or Llama family."
        )
