"""A model of a few thousand parameters and a text that it learns in a second."""

import numpy as np
import torch

from insidegpt.model.config import GPTConfig
from insidegpt.model.gpt import GPT

SHAPE = GPTConfig(
    16, 16, 2, 16, 2, 2, 32, rope_base=1e4, rms_eps=1e-5, bias="none", mlp="swiglu"
)
TEXT = np.tile(np.arange(16, dtype=np.uint16), 40)  # each token tells the next


def fresh(dtype=torch.float64):
    """The model as it begins, the same each time."""
    return GPT(SHAPE, generator=torch.Generator().manual_seed(0)).to(dtype)


def weights(model):
    """All parameters in a row."""
    return torch.cat([p.detach().flatten() for p in model.parameters()])
