"""A block's parameters as fast code wants them: joined where they read the same input.

Page: code/fast-inference.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from insidegpt.model.config import GPTConfig

QKV = [f"attention.{name}" for name in ("query", "key", "value")]


class Fused(NamedTuple):
    """The parameters of one block; None for what the model has not."""

    norm1: Float[Tensor, " C"]
    qkv: Float[Tensor, "heads_D C"]  # queries, keys and values: (H + 2 K) D rows
    bias: Float[Tensor, " heads_D"] | None  # of these
    qk_norm: Float[Tensor, "H_K D"] | None  # of H queries and K keys
    out: Float[Tensor, "C wide"]
    norm2: Float[Tensor, " C"]
    gate_up: Float[Tensor, "both C"]
    down: Float[Tensor, "C d_ff"]


def fuse(weights: Mapping[str, Tensor], config: GPTConfig, *, layer: int) -> Fused:
    """The parameters of block ``layer`` out of those of the whole model."""

    def joined(kind: str, *names: str) -> Tensor:
        return torch.cat([weights[f"blocks.{layer}.{name}.{kind}"] for name in names])

    qk_norm = None
    if config.qk_norm:
        query, key = (joined("weight", f"{name}_norm") for name in QKV[:2])
        rows = query.expand(config.n_heads, -1), key.expand(config.n_kv_heads, -1)
        qk_norm = torch.cat(rows)
    return Fused(
        norm1=joined("weight", "norm1"),
        qkv=joined("weight", *QKV),
        bias=joined("bias", *QKV) if config.bias == "qkv" else None,
        qk_norm=qk_norm,
        out=joined("weight", "attention.out"),
        norm2=joined("weight", "norm2"),
        gate_up=joined("weight", "mlp.gate", "mlp.up"),
        down=joined("weight", "mlp.down"),
    )


def check_family(config: GPTConfig) -> None:
    """Raise ValueError for a model that the fast paths are not written for."""
    llama = config.rope_base is not None and config.rms_eps is not None
    if not llama or config.mlp != "swiglu" or config.bias == "all":
        raise ValueError(
            "The engine runs models of the Llama family; this one has learned "
            "positions, LayerNorm, GELU or biases everywhere: use the GPT itself."
        )
