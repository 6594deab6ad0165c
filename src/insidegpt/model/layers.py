"""The parts of a block besides attention: norms and MLPs.

LayerNorm: Ba et al. 2016. RMSNorm: Zhang and Sennrich 2019. GELU: Hendrycks and Gimpel
2016. SwiGLU: Shazeer 2020. Page: algorithm/feed-forward.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from insidegpt.model.config import GPTConfig


class RMSNorm(nn.Module):
    """Divide a vector by its root mean square, then scale each coordinate."""

    def __init__(self, width: int, *, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Float[Tensor, "*any C"]) -> Float[Tensor, "*any C"]:
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


def make_norm(config: GPTConfig) -> nn.Module:
    """RMSNorm, or LayerNorm (which first subtracts the mean) where rms_eps is None."""
    if config.rms_eps is None:
        return nn.LayerNorm(config.d_model, eps=1e-5, bias=config.bias == "all")
    return RMSNorm(config.d_model, eps=config.rms_eps)


class GeluMLP(nn.Module):
    """GPT-2's: widen, bend, narrow. GELU in its tanh approximation, as published."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.up = nn.Linear(config.d_model, config.d_ff, bias=config.bias == "all")
        self.down = nn.Linear(config.d_ff, config.d_model, bias=config.bias == "all")

    def forward(self, x: Float[Tensor, "*any C"]) -> Float[Tensor, "*any C"]:
        return self.down(F.gelu(self.up(x), approximate="tanh"))


class SwigluMLP(nn.Module):
    """Llama's: a second matrix decides, coordinate by coordinate, what passes."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.gate = nn.Linear(config.d_model, config.d_ff, bias=config.bias == "all")
        self.up = nn.Linear(config.d_model, config.d_ff, bias=config.bias == "all")
        self.down = nn.Linear(config.d_ff, config.d_model, bias=config.bias == "all")

    def forward(self, x: Float[Tensor, "*any C"]) -> Float[Tensor, "*any C"]:
        return self.down(F.silu(self.gate(x)) * self.up(x))


def make_mlp(config: GPTConfig) -> nn.Module:
    """The MLP that the configuration names."""
    return SwigluMLP(config) if config.mlp == "swiglu" else GeluMLP(config)
