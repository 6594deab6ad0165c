"""Other people's names, shapes and orders of the same parameters, turned into ours.

Each function takes a configuration as ``transformers`` writes it and the readers of its
tensors, and returns ours, or says why it can't. Page: appendix/weights-and-files.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from insidegpt.model.config import GPTConfig
from insidegpt.model.rope import rope_frequencies

Readers = dict[str, Callable[[], Tensor]]  # a parameter's name -> read it
Settings = Mapping[str, Any]

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
    "self_attn.q_norm": "attention.query_norm",
    "self_attn.k_norm": "attention.key_norm",
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


def rename(name: str, names: Mapping[str, str]) -> str:
    """Our name of a parameter: known parts, bounded by dots, are replaced."""
    parts = "|".join(re.escape(part) for part in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<![^.])({parts})(?![^.])", lambda m: names[m[1]], name)


def from_llama(settings: Settings, readers: Readers) -> tuple[GPTConfig, Readers]:
    """A ``transformers`` Llama, Mistral, Qwen2, Qwen3 or SmolLM3.

    They differ in biases, norms of queries and keys, the width of a head, and in blocks
    without positions. The context ends where a sliding window would begin to matter.
    """
    heads, width = settings["num_attention_heads"], settings["hidden_size"]
    refuse_unless(settings, "hidden_act", "silu")
    refuse_unless(settings, "attention_bias", False)
    refuse_unless(settings, "mlp_bias", False)
    ours = {rename(name, LLAMA_NAMES): reader for name, reader in readers.items()}
    for name in [name for name in ours if name.endswith("rotary_emb.inv_freq")]:
        del ours[name]  # in old files; follows from the base
    rope, head_width = _rope_settings(settings), settings.get("head_dim")
    d_head, base = head_width or width // heads, float(rope.get("rope_theta") or 1e4)
    window = _sliding_window(settings) or math.inf
    config = GPTConfig(
        vocab_size=settings["vocab_size"],
        context_tokens=min(settings["max_position_embeddings"], window),
        n_layers=settings["num_hidden_layers"],
        d_model=width,
        n_heads=heads,
        n_kv_heads=settings.get("num_key_value_heads") or heads,
        d_ff=settings["intermediate_size"],
        head_width=None if d_head * heads == width else d_head,
        rope_base=base,
        rope_factors=rope_factors(rope, d_head, base),
        unrotated_layers=_unrotated(settings),
        rms_eps=settings.get("rms_norm_eps", 1e-6),
        mlp="swiglu",
        bias="qkv" if "blocks.0.attention.query.bias" in ours else "none",
        qk_norm="blocks.0.attention.query_norm.weight" in ours,
        tied=_is_tied(settings.get("tie_word_embeddings", False), ours),
    )
    return config, ours


def from_gpt2(settings: Settings, readers: Readers) -> tuple[GPTConfig, Readers]:
    """A ``transformers`` GPT-2. It stores matrices transposed, and q, k, v as one."""
    refuse_unless(settings, "activation_function", "gelu_new")
    refuse_unless(settings, "layer_norm_epsilon", 1e-5)
    refuse_unless(settings, "scale_attn_by_inverse_layer_idx", False)
    refuse_unless(settings, "scale_attn_weights", True)
    refuse_unless(settings, "add_cross_attention", False)
    ours: Readers = {}
    for name, reader in readers.items():
        name = name.removeprefix("transformer.").replace("lm_head", "unembed")
        if not re.search(r"\.attn\.(masked_)?bias$", name):  # old files carry the mask
            ours |= _gpt2_parts(name, reader)
    config = GPTConfig(
        vocab_size=settings["vocab_size"],
        context_tokens=settings["n_positions"],
        n_layers=settings["n_layer"],
        d_model=settings["n_embd"],
        n_heads=settings["n_head"],
        n_kv_heads=settings["n_head"],
        d_ff=settings.get("n_inner") or 4 * settings["n_embd"],
        tied=_is_tied(settings.get("tie_word_embeddings", True), ours),
    )
    return config, ours


def _gpt2_parts(name: str, reader: Callable[[], Tensor]) -> Readers:
    """One stored tensor under our names: one, or three where q, k and v are fused."""
    turned = re.search(r"\.c_\w+\.weight$", name)
    read = (lambda: reader().T.contiguous()) if turned else reader
    if ".attn.c_attn." not in name:
        return {rename(name, GPT2_NAMES): read}
    name = rename(name, GPT2_NAMES)
    return {
        name.replace("attn.c_attn", f"attention.{part}"): third(read, n)
        for n, part in enumerate(("query", "key", "value"))
    }


def third(read: Callable[[], Tensor], n: int) -> Callable[[], Tensor]:
    """Reads the n-th third of a tensor's rows."""
    return lambda: read().chunk(3)[n].clone()


def rope_factors(rope: Settings, d_head: int, base: float) -> tuple[float, ...] | None:
    """How many times slower each pair turns, from ``transformers``' rope settings.

    linear: all of them alike (Chen et al. 2023). llama3: only pairs that had not gone
    round a few times within the text lengths of training (Llama 3.1's settings).
    """
    kind = rope.get("rope_type", rope.get("type"))
    refuse_unless({"rope scaling": kind}, "rope scaling", "default", "linear", "llama3")
    if kind in (None, "default"):
        return None
    if kind == "linear":
        return (float(rope["factor"]),) * (d_head // 2)
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    trained_tokens = rope["original_max_position_embeddings"]
    rounds = trained_tokens * rope_frequencies(d_head, base=base) / (2 * torch.pi)
    kept = ((rounds - low) / (high - low)).clamp(0, 1)  # a share of the frequency
    return tuple((1 / (kept + (1 - kept) / rope["factor"])).tolist())


def _unrotated(settings: Settings) -> tuple[int, ...]:
    """Blocks without positions (SmolLM3): those listed as 0, or every so many."""
    every = settings.get("no_rope_layer_interval") or math.inf
    each = [n % every for n in range(1, settings["num_hidden_layers"] + 1)]
    flags = settings.get("no_rope_layers") or each
    return tuple(n for n, yes in enumerate(flags) if not yes)


def _rope_settings(settings: Settings) -> dict[str, Any]:
    """Rotary settings, which files of different ages keep in three places."""
    rope = {"rope_theta": settings.get("rope_theta")}
    rope |= settings.get("rope_scaling") or {}
    rope |= settings.get("rope_parameters") or {}
    for found in (rope, settings):
        refuse_unless(found, "partial_rotary_factor", 1.0)
    return rope


def _sliding_window(settings: Settings) -> int | None:
    """How far a token sees, if some block limits it."""
    kinds = settings.get("layer_types") or ["sliding_attention"]
    limited = settings.get("use_sliding_window", True)  # Qwen states one and has none
    limited = limited and "sliding_attention" in kinds
    return settings.get("sliding_window") if limited else None


def _is_tied(said: bool, readers: Readers) -> bool:
    """Whether both tables are one in fact; a second copy of it is dropped."""
    if not said or "unembed.weight" not in readers:
        return said
    tied = torch.equal(readers["embed.weight"](), readers["unembed.weight"]())
    if tied:
        del readers["unembed.weight"]
    return tied


def refuse_unless(settings: Settings, key: str, *known: Any) -> None:
    """Raise ValueError where a setting says what this package does not compute."""
    found = settings.get(key)
    if found not in (*known, None):
        raise ValueError(
            f"This model has {key} = {found!r}, and this package computes only "
            f"{' or '.join(map(repr, known))}: choose "
            "another model of the GPT-2 or Llama family."
        )
