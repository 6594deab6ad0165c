"""The attention view keeps every head's shares, and what a cut costs."""

import base64

import pytest
import torch
from viewed import WORDS, stored

from insidegpt.show import widgets


def test_attention_is_stored_to_within_half_a_step():
    weights, costs = torch.rand(2, 3, 4, 4).tril(), torch.rand(2, 3)
    plain = widgets.Looks(list("abcd"), weights)
    cut = widgets.Looks(list("abcd"), weights, costs, (3, 1), " x", 0.77)
    data = stored(widgets.attention_view([plain, cut], title="Heads", **WORDS))
    assert (data["layers"], data["heads"], data["text"]) == (2, 3, 1)
    assert "costs" not in data["texts"][0]
    assert data["texts"][1]["costs"] == pytest.approx(costs.flatten(), abs=1e-4)
    assert data["texts"][1]["wire"] == [3, 1] and data["texts"][1]["before"] == 0.77
    numbers = torch.frombuffer(
        bytearray(base64.b64decode(data["texts"][0]["weights"])), dtype=torch.uint8
    )
    numbers = numbers.view(2, 3, 10) / 255
    below = weights[:, :, *torch.tril_indices(4, 4)]
    assert (numbers - below).abs().max() <= 0.5 / 255 + 1e-6
