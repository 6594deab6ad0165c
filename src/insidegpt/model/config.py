"""What fixes a model's shape: twelve numbers and switches, and presets a line each.

The same ``GPT`` is a GPT-2 or a Llama depending on these. Page:
algorithm/the-whole-model.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class GPTConfig:
    """Shape of a model. Raises ValueError for numbers no model can have."""

    vocab_size: int  # V, tokens in the vocabulary
    context_tokens: int  # longest sequence the model may be given
    n_layers: int  # L, blocks
    d_model: int  # C, width of the residual stream
    n_heads: int  # H, query heads
    n_kv_heads: int  # K, key and value heads; K < H is grouped-query attention
    d_ff: int  # hidden width of the MLP
    rope_base: float | None = None  # rotary positions; None: a learned table (GPT-2)
    rms_eps: float | None = None  # RMSNorm; None: LayerNorm with eps 1e-5 (GPT-2)
    mlp: str = "gelu"  # "gelu" (two matrices) or "swiglu" (three)
    bias: bool = True  # biases in linear layers and norms
    tied: bool = True  # the unembedding is the embedding, transposed

    @property
    def d_head(self) -> int:
        """D, width of one head."""
        return self.d_model // self.n_heads

    def __post_init__(self) -> None:
        sizes = ("vocab_size", "context_tokens", "n_layers", "d_model")
        for name in (*sizes, "n_heads", "n_kv_heads", "d_ff"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} must be at least 1, not {getattr(self, name)}."
                )
        if self.d_model % self.n_heads:
            raise ValueError(
                f"d_model ({self.d_model}) must be a multiple of n_heads "
                f"({self.n_heads}), so that heads have equal widths."
            )
        if self.n_heads % self.n_kv_heads:
            raise ValueError(
                f"n_heads ({self.n_heads}) must be a multiple of n_kv_heads "
                f"({self.n_kv_heads}), so that groups of queries are equal."
            )
        if self.rope_base is not None and (self.rope_base <= 1 or self.d_head % 2):
            raise ValueError(
                "Rotary positions need a base above 1 and heads of even width, not "
                f"base {self.rope_base} and width {self.d_head}."
            )
        if self.rms_eps is not None and not 0 < self.rms_eps < 1:
            raise ValueError(f"rms_eps must lie between 0 and 1, not {self.rms_eps}.")
        if self.mlp not in ("gelu", "swiglu"):
            raise ValueError(f'mlp must be "gelu" or "swiglu", not "{self.mlp}".')


_LLAMA = dict(mlp="swiglu", bias=False, rms_eps=1e-5)

PRESETS = {
    "gpt2": GPTConfig(50257, 1024, 12, 768, 12, 12, 3072),
    "gpt2-xl": GPTConfig(50257, 1024, 48, 1600, 25, 25, 6400),
    "smollm2": GPTConfig(49152, 8192, 30, 576, 9, 3, 1536, rope_base=1e5, **_LLAMA),
    "tiny-gpt2": GPTConfig(96, 32, 2, 24, 4, 4, 96),
    "tiny-llama": GPTConfig(96, 32, 2, 24, 6, 2, 48, rope_base=1e4, **_LLAMA),
}
