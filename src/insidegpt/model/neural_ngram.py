"""A network that reads the last n - 1 tokens: similar contexts, similar predictions.

Bengio et al. 2003, section 2: a vector for each token, those of the context side by
side, one hidden layer of tanh, a score for every token. Deviation: without their direct
connections from vectors to scores. Page: concepts/language-models.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn


class NeuralNGram(nn.Module):
    """Token ids in, a score for every possible next token out, at every position.

    It trains in the same loop as a ``GPT``. Raises ValueError for an order below 2.
    """

    def __init__(
        self,
        *,
        vocab_size: int,  # V
        order: int,  # n: n - 1 tokens are read, and one is predicted
        width: int,  # C, numbers in a token's vector
        hidden: int,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if order < 2:
            raise ValueError(f"The order must be 2 or more, not {order}: it reads n-1.")
        self.before = order - 1
        self.embed = nn.Embedding(vocab_size, width)
        self.hidden = nn.Linear(self.before * width, hidden)
        self.scores = nn.Linear(hidden, vocab_size)
        for p in self.parameters():
            width_in = p.shape[1] if p.ndim == 2 else 1
            size = 0.0 if p.ndim == 1 else 1 / math.sqrt(width_in)
            nn.init.normal_(p, std=size, generator=generator)
        with torch.no_grad():
            self.scores.weight.mul_(0.1)  # nearly even at first: the loss is near ln V

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.embed.weight.device

    def forward(self, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B T V"]:
        """Logits of the next token; before the text's first one there are zeros."""
        x = self.embed(F.pad(ids, (self.before - 1, 0)))  # (B, n - 2 + T, C)
        windows = x.unfold(1, self.before, 1)  # (B, T, C, n - 1)
        joined = windows.transpose(2, 3).flatten(2)  # (B, T, (n - 1) C)
        return self.scores(torch.tanh(self.hidden(joined)))
