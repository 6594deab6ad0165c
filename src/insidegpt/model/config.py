"""What fixes a model's shape: sixteen numbers and switches, and presets a line each.

The same ``GPT`` is a GPT-2, a Llama or a Qwen depending on these. Page:
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
    head_width: int | None = None  # D where it is not d_model / n_heads (Qwen3)
    rope_base: float | None = None  # rotary positions; None: a learned table (GPT-2)
    # How many times slower each of the D/2 pairs turns (Llama 3.1); None: as fast.
    rope_factors: tuple[float, ...] | None = None
    unrotated_layers: tuple[int, ...] = ()  # blocks that see no positions (SmolLM3)
    rms_eps: float | None = None  # RMSNorm; None: LayerNorm with eps 1e-5 (GPT-2)
    mlp: str = "gelu"  # "gelu" (two matrices) or "swiglu" (three)
    bias: str = "all"  # of linear layers and norms: "all", "qkv" (Qwen2) or "none"
    qk_norm: bool = False  # RMSNorm of each query and key (Qwen3)
    tied: bool = True  # the unembedding is the embedding, transposed

    @property
    def d_head(self) -> int:
        """D, width of one head."""
        return self.head_width or self.d_model // self.n_heads

    def __post_init__(self) -> None:
        sizes = ("vocab_size", "context_tokens", "n_layers", "d_model")
        for name in (*sizes, "n_heads", "n_kv_heads", "d_ff"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a number from 1 on, not {value!r}.")
        if self.head_width is None and self.d_model % self.n_heads:
            raise ValueError(
                f"d_model ({self.d_model}) must be a multiple of n_heads "
                f"({self.n_heads}), so that heads have equal widths."
            )
        if self.d_head < 1:
            raise ValueError(f"head_width must be at least 1, not {self.head_width}.")
        if self.n_heads % self.n_kv_heads:
            raise ValueError(
                f"n_heads ({self.n_heads}) must be a multiple of n_kv_heads "
                f"({self.n_kv_heads}), so that groups of queries are equal."
            )
        if self.rms_eps is not None and not 0 < self.rms_eps < 1:
            raise ValueError(f"rms_eps must lie between 0 and 1, not {self.rms_eps}.")
        if self.qk_norm and self.rms_eps is None:
            raise ValueError("qk_norm is an RMSNorm: it needs rms_eps.")
        if self.mlp not in ("gelu", "swiglu"):
            raise ValueError(f'mlp must be "gelu" or "swiglu", not {self.mlp!r}.')
        if self.bias not in ("all", "qkv", "none"):
            raise ValueError(f'bias must be "all", "qkv" or "none", not {self.bias!r}.')
        self._check_rope()

    def _check_rope(self) -> None:
        base, factors = self.rope_base, self.rope_factors
        if base is not None and not (base > 1 and self.d_head % 2 == 0):
            raise ValueError(
                "Rotary positions need a base above 1 and heads of even width, not "
                f"base {base} and width {self.d_head}."
            )
        if base is None and (factors is not None or self.unrotated_layers):
            raise ValueError("rope_factors and unrotated_layers need a rope_base.")
        if factors is not None and (
            len(factors) != self.d_head // 2 or not all(f > 0 for f in factors)
        ):
            raise ValueError(
                f"rope_factors must be {self.d_head // 2} numbers above 0, one for "
                f"each pair of a head, not {factors}."
            )


_LLAMA = dict(mlp="swiglu", bias="none", rms_eps=1e-5)

PRESETS = {
    "gpt2": GPTConfig(50257, 1024, 12, 768, 12, 12, 3072),
    "gpt2-xl": GPTConfig(50257, 1024, 48, 1600, 25, 25, 6400),
    "smollm2": GPTConfig(49152, 8192, 30, 576, 9, 3, 1536, rope_base=1e5, **_LLAMA),
    "mini": GPTConfig(
        1024, 256, 4, 128, 4, 4, 352, rope_base=1e4, qk_norm=True, **_LLAMA
    ),
    "tiny-gpt2": GPTConfig(96, 32, 2, 24, 4, 4, 96),
    "tiny-llama": GPTConfig(96, 32, 2, 24, 6, 2, 48, rope_base=1e4, **_LLAMA),
}
