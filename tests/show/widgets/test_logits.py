"""The logits view keeps the likeliest tokens of every depth."""

import pytest
import torch
from viewed import WORDS, stored

from insidegpt.show import widgets


def test_logits_become_the_likeliest_tokens(tokenizer):
    logits = torch.zeros(1, 2, tokenizer.vocab_size)
    logits[0, 1, tokenizer.encode(" sunny")[0]] = 20.0
    data = stored(widgets.logits_view(tokenizer, [504, 3947], logits, **WORDS))
    assert data["tokens"] == ["The", " weather"]
    name, p = data["top"][0][1][0]
    assert name == " sunny" and p == pytest.approx(1, abs=1e-3)
