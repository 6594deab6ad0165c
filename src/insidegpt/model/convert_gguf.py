"""llama.cpp's names, shapes and orders of the same parameters, turned into ours.

Page: appendix/weights-and-files.
"""

from collections.abc import Callable
from functools import partial

from torch import Tensor

from insidegpt.files.gguf import GGUF
from insidegpt.model.config import GPTConfig
from insidegpt.model.convert import Readers, refuse_unless, rename, third

NAMES = {
    "token_embd": "embed",
    "position_embd": "position",
    "output_norm": "norm",
    "output": "unembed",
    "blk": "blocks",
    "attn_norm": "norm1",
    "ffn_norm": "norm2",
    "attn_q": "attention.query",
    "attn_k": "attention.key",
    "attn_v": "attention.value",
    "attn_q_norm": "attention.query_norm",
    "attn_k_norm": "attention.key_norm",
    "attn_output": "attention.out",
    "ffn_gate": "mlp.gate",
    "ffn_up": "mlp.up",
    "ffn_down": "mlp.down",
}
ARCHITECTURES = ("llama", "qwen2", "qwen3", "smollm3", "gpt2")
INTERLEAVED = ("llama", "smollm3")  # rotated by neighbours, and so stored
UNROTATED_EVERY = {"smollm3": 4}  # the file doesn't say; llama.cpp knows
FACTORS = "rope_freqs.weight"


def from_gguf(gguf: GGUF) -> tuple[GPTConfig, Readers]:
    """A model in llama.cpp's GGUF, dequantized to float32 as it is read."""
    kind = gguf.metadata.get("general.architecture")
    refuse_unless({"architecture": kind or "none"}, "architecture", *ARCHITECTURES)
    try:
        config = gguf_config(gguf, kind)
    except (KeyError, TypeError, ZeroDivisionError) as error:
        raise ValueError(
            f"{gguf.path.name} lacks a part that a {kind} model needs ({error}): is "
            "the file complete?"
        ) from error
    readers: Readers = {}
    for name in gguf.tensors:
        read, ours = partial(gguf.tensor, name), rename(name, NAMES)
        if kind in INTERLEAVED and ours.endswith(("query.weight", "key.weight")):
            read = partial(halves, read, config.d_head)
        if ".attn_qkv." in name:
            for n, part in enumerate(("query", "key", "value")):
                readers[ours.replace("attn_qkv", f"attention.{part}")] = third(read, n)
        elif name != FACTORS:
            readers[ours] = read
    return config, readers


def gguf_config(gguf: GGUF, kind: str) -> GPTConfig:
    """The configuration that a header describes. KeyError for what it lacks."""
    start, stored, rotary = f"{kind}.", gguf.tensors, kind != "gpt2"
    meta = {
        key.removeprefix(start): value
        for key, value in gguf.metadata.items()
        if key.startswith(start)
    }
    heads, width = meta["attention.head_count"], meta["embedding_length"]
    d_head = meta.get("attention.key_length") or width // heads
    refuse_unless(meta, "expert_count", 0)
    refuse_unless(meta, "rope.dimension_count", d_head)
    refuse_unless(meta, "attention.value_length", d_head)
    context, layers = meta["context_length"], meta["block_count"]
    every = UNROTATED_EVERY.get(kind, layers + 1)
    eps = round(meta[f"attention.layer_norm_{'rms_' if rotary else ''}epsilon"], 9)
    if not rotary:
        refuse_unless({"layer_norm_epsilon": eps}, "layer_norm_epsilon", 1e-5)
    bias = "qkv" if "blk.0.attn_q.bias" in stored else "none"
    return GPTConfig(
        vocab_size=stored["token_embd.weight"].shape[0],
        context_tokens=min(context, meta.get("attention.sliding_window") or context),
        n_layers=layers,
        d_model=width,
        n_heads=heads,
        n_kv_heads=meta.get("attention.head_count_kv", heads),
        d_ff=meta["feed_forward_length"],
        head_width=None if d_head * heads == width else d_head,
        rope_base=float(meta.get("rope.freq_base", 1e4)) if rotary else None,
        rope_factors=_factors(gguf, meta, d_head),
        unrotated_layers=tuple(range(every - 1, layers, every)),
        rms_eps=eps if rotary else None,
        mlp="swiglu" if rotary else "gelu",
        bias=bias if rotary else "all",
        qk_norm="blk.0.attn_q_norm.weight" in stored,
        tied="output.weight" not in stored,
    )


def _factors(gguf: GGUF, meta: dict, d_head: int) -> tuple[float, ...] | None:
    """Llama 3.1's factors are a tensor of the file, linear ones a number."""
    refuse_unless(meta, "rope.scaling.type", "none", "linear")
    if FACTORS in gguf.tensors:
        return tuple(gguf.tensor(FACTORS).tolist())
    if meta.get("rope.scaling.type") == "linear":
        return (float(meta["rope.scaling.factor"]),) * (d_head // 2)
    return None


def halves(read: Callable[[], Tensor], d_head: int) -> Tensor:
    """Rows of each head as we rotate them, halves and not neighbours.

    llama.cpp's Llamas keep them interleaved: row 2i of a head is our row i, row 2i + 1
    our row i + D/2.
    """
    tensor = read()
    pairs = tensor.view(-1, d_head // 2, 2, *tensor.shape[1:])
    return pairs.transpose(1, 2).reshape(tensor.shape)
