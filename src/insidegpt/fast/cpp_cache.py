"""Keys and values in the order in which ``kernels.cpp`` reads them.

Page: code/fast-inference.
"""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from insidegpt.model.cache import Cache
from insidegpt.model.config import GPTConfig

KEYS = 16  # of a block, as in kernels.cpp


class CppCache(Cache):
    """Keys and values as the C++ lays them down, in float16.

    Values are rows; keys are columns of 16 at a time, so that 16 scores come together.
    """

    def __init__(self, config: GPTConfig, *, batch: int, max_tokens: int) -> None:
        super().__init__(max_tokens=max_tokens)
        self.config, room = config, max_tokens + -max_tokens % KEYS
        shape = (config.n_layers, batch, config.n_kv_heads, room, config.d_head)
        self.keys = torch.empty(shape, dtype=torch.float16)
        self.values = torch.empty(shape, dtype=torch.float16)

    def row_table(
        self, tokens: int, *, text: int = 0, first: int = 0
    ) -> Int[Tensor, "T 7"]:
        """Where the next tokens of a text belong: ``Row`` in the C++, one for each.

        ``first``: where the text begins; what lies before is padding and sees itself.
        """
        keys, values = self.keys[:, text], self.values[:, text]  # (L, K, room, D)
        here = torch.arange(self.tokens, self.end(tokens))
        start = here.clamp(max=first)
        memory = keys.data_ptr(), values.data_ptr(), *keys.stride()[:2]
        columns = [torch.full_like(here, number) for number in memory]
        return torch.stack((*columns, here - start, start, here), dim=1)


def padding(valid: Bool[Tensor, "B S"], tokens: int) -> list[int]:
    """How many tokens of each row are padding; ValueError unless all on the left."""
    if valid.shape[1] != tokens or (valid[:, 1:] < valid[:, :-1]).any():
        raise ValueError(
            f"valid must cover all {tokens} positions, padding on the left alone."
        )
    return valid.logical_not().sum(1).tolist()
