"""Where the C++ finds the keys and values of a token."""

import pytest
import torch

from insidegpt.fast.cpp_cache import CppCache, padding
from insidegpt.model.config import PRESETS

CONFIG = PRESETS["tiny-llama"]  # 2 layers, 2 heads of keys, 4 wide


def test_rows_by_hand():
    """20 tokens need room for 32: a head is 32 * 4 numbers away, a layer four heads."""
    cache = CppCache(CONFIG, batch=2, max_tokens=20)
    cache.advance(3)
    table = cache.row_table(2, text=1)
    assert table[:, 2:].tolist() == [[512, 128, 3, 0, 3], [512, 128, 4, 0, 4]]
    start = cache.keys.data_ptr() + 2 * 256  # the second text, two bytes a number
    assert table[:, 0].tolist() == [start] * 2


def test_padding_sees_itself_and_text_counts_from_its_start():
    """Columns: position, first key seen, own key."""
    cache = CppCache(CONFIG, batch=1, max_tokens=8)
    table = cache.row_table(4, first=2)
    assert table[:, 4:].tolist() == [[0, 0, 0], [0, 1, 1], [0, 2, 2], [1, 2, 3]]


def test_padding_is_counted_on_the_left_and_refused_elsewhere():
    valid = torch.tensor([[False, False, True], [True, True, True]])
    assert padding(valid, 3) == [2, 0]
    for wrong in (~valid, valid[:, :2]):
        with pytest.raises(ValueError, match="padding on the left alone"):
            padding(wrong, 3)


def test_a_full_cache_takes_no_more():
    cache = CppCache(CONFIG, batch=1, max_tokens=20)
    cache.advance(20)
    with pytest.raises(ValueError, match="room for 20 tokens, not 21"):
        cache.row_table(1)
