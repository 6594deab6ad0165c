"""Models whose blocks carry a state: an LSTM, and the delta rule in place of attention.

Same ids in, same logits out as a ``GPT``, and the same loop trains them. Page:
concepts/transformer-or-rnn.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from insidegpt.model.config import GPTConfig
from insidegpt.model.interface import check_ids
from insidegpt.model.layers import RMSNorm, make_mlp, make_norm
from insidegpt.model.recurrence import delta_chunks

SHIFT = 3  # earlier tokens that a short convolution sees


class ShortConvolution(nn.Module):
    """Mix each coordinate with itself at the last few tokens, and bend it by SiLU.

    Layers with a state need the neighbours of a token and get them from this (Fu et al.
    2023). It can stand before attention as well.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.taps = nn.Conv1d(width, width, SHIFT + 1, groups=width, bias=False)

    def forward(
        self, x: Float[Tensor, "B T C"], past: Float[Tensor, "B 3 C"] | None = None
    ) -> Float[Tensor, "B T C"]:
        """past: the tokens before x; zeros if not given."""
        past = x.new_zeros(x.shape[0], SHIFT, x.shape[2]) if past is None else past
        return F.silu(self.taps(torch.cat([past, x], 1).mT).mT)


class LSTMBlock(nn.Module):
    """Norm, an LSTM of ``width`` numbers, and back to the residual stream; no MLP.

    Its state are h and c. It calls torch's own loop, which does what ``lstm_cell`` does
    token by token.
    """

    def __init__(self, config: GPTConfig, *, width: int) -> None:
        super().__init__()
        self.norm = make_norm(config)
        self.lstm = nn.LSTM(config.d_model, width, batch_first=True)
        self.out = nn.Linear(width, config.d_model, bias=False)

    def forward(
        self, x: Float[Tensor, "B T C"], state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Float[Tensor, "B T C"], tuple[Tensor, Tensor]]:
        told, state = self.lstm(self.norm(x), state)
        return x + self.out(told), state


class DeltaBlock(nn.Module):
    """A block in which the delta rule takes the place of attention.

    reach: largest beta; above 1, a write may turn what was stored into its opposite
    (Grazzi et al. 2025). Deviations from Yang et al. 2024: one short convolution before
    the three projections and not one behind each, and no SiLU on queries and keys.
    Its state are the last inputs of the convolution and a matrix for each head.
    """

    def __init__(self, config: GPTConfig, *, reach: float = 1.0) -> None:
        super().__init__()
        C, self.heads, self.reach = config.d_model, config.n_heads, reach
        self.norm1, self.norm2 = make_norm(config), make_norm(config)
        self.short = ShortConvolution(C)
        self.qkv = nn.ModuleList(nn.Linear(C, C, bias=False) for _ in range(3))
        self.beta = nn.Linear(C, self.heads)
        self.head_norm = RMSNorm(C // self.heads, eps=1e-5)
        self.out = nn.Linear(C, C, bias=False)
        self.mlp = make_mlp(config)

    def forward(
        self, x: Float[Tensor, "B T C"], state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Float[Tensor, "B T C"], tuple[Tensor, Tensor]]:
        mixed, state = self.mix(self.norm1(x), state)
        x = x + mixed
        return x + self.mlp(self.norm2(x)), state

    def mix(
        self, x: Float[Tensor, "B T C"], state: tuple[Tensor, Tensor] | None
    ) -> tuple[Float[Tensor, "B T C"], tuple[Tensor, Tensor]]:
        """What replaces attention."""
        B, _, C = x.shape
        D = C // self.heads
        if state is None:
            state = x.new_zeros(B, SHIFT, C), x.new_zeros(B, self.heads, D, D)
        past, memory = state
        past, x = torch.cat([past, x], 1)[:, -SHIFT:], self.short(x, past)
        q, k, v = (f(x).unflatten(-1, (-1, D)).transpose(1, 2) for f in self.qkv)
        beta = self.reach * self.beta(x).sigmoid().mT  # (B, H, T)
        q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)
        told, memory = delta_chunks(q, k, v, beta, memory)
        told = self.head_norm(told).transpose(1, 2).flatten(2)  # (B, T, C)
        return self.out(told), (past, memory)


class RecurrentLM(nn.Module):
    """A ``GPT`` whose blocks carry a state: ids in, a score for every token out."""

    def __init__(
        self,
        config: GPTConfig,
        make_block: Callable[[GPTConfig], nn.Module],
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.vocab_size, config.d_model)
        self.blocks = nn.ModuleList(make_block(config) for _ in range(config.n_layers))
        self.norm = make_norm(config)
        init_recurrent(self, generator)

    def forward(self, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B T V"]:
        """Logits of the next token at every position."""
        return self.read(ids)[0]

    def read(
        self, ids: Int[Tensor, "B T"], states: list | None = None
    ) -> tuple[Float[Tensor, "B T V"], list]:
        """The same, from the states that an earlier call left, and with new ones."""
        check_ids(self.config, ids)
        x, after = self.embed(ids), []
        for block, state in zip(
            self.blocks, states or [None] * len(self.blocks), strict=True
        ):
            x, state = block(x, state)
            after.append(state)
        return F.linear(self.norm(x), self.embed.weight), after


def init_recurrent(model: RecurrentLM, generator: torch.Generator | None) -> None:
    """As ``gpt.init_weights``; forget gates begin open (Jozefowicz et al. 2015)."""
    for name, p in model.named_parameters():
        if name.endswith("bias_ih_l0"):
            nn.init.zeros_(p)
            p.data.chunk(4)[1].fill_(1.0)
        elif p.ndim == 1:
            nn.init.constant_(p, 1.0 if name.endswith("weight") else 0.0)
        else:
            fan = p[0].numel()
            nn.init.normal_(p, std=0.5 / math.sqrt(fan), generator=generator)
