"""The cache: what is appended comes back, and it costs what we say."""

import pytest
import torch

from insidegpt.model.cache import KVCache, kv_bytes_per_token
from insidegpt.model.config import PRESETS

CONFIG = PRESETS["tiny-llama"]  # K = 2, D = 4


def test_appended_keys_come_back_in_order():
    cache = KVCache(CONFIG, batch=1, max_tokens=5)
    first, second = torch.randn(1, 2, 2, 4), torch.randn(1, 2, 3, 4)
    cache.append(1, first, first)
    cache.advance(2)
    k, v = cache.append(1, second, -second)
    assert torch.equal(k, torch.cat((first, second), 2))
    assert torch.equal(v, torch.cat((first, -second), 2))


def test_a_full_cache_says_so():
    cache = KVCache(CONFIG, batch=1, max_tokens=2)
    with pytest.raises(ValueError, match="room for 2 tokens, not 3"):
        cache.append(0, torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 3, 4))


def test_bytes_per_token_is_what_the_tensors_take():
    for tokens in (1, 10, 32):
        cache = KVCache(CONFIG, batch=1, max_tokens=tokens)
        held = sum(tensor.nbytes for tensor in cache.keys + cache.values)
        assert held == tokens * kv_bytes_per_token(CONFIG)


def test_truncated_tokens_are_overwritten():
    cache = KVCache(CONFIG, batch=1, max_tokens=4)
    cache.append(0, torch.ones(1, 2, 3, 4), torch.ones(1, 2, 3, 4))
    cache.advance(3)
    cache.truncate(1)
    k, _ = cache.append(0, torch.zeros(1, 2, 1, 4), torch.zeros(1, 2, 1, 4))
    assert k[0, 0, :, 0].tolist() == [1, 0]
