"""The sampling view loses no mass."""

import pytest
import torch
from viewed import WORDS, stored

from insidegpt.show import widgets


def test_sampling_keeps_the_mass_of_the_tail(tokenizer):
    scores = torch.randn(tokenizer.vocab_size, generator=torch.manual_seed(0)) * 3
    (prompt,) = stored(widgets.sampling_view(tokenizer, {"p": scores}, **WORDS))[
        "prompts"
    ]
    top = torch.tensor([score for _, score in prompt["top"]])
    middles, counts = map(torch.tensor, zip(*prompt["rest"], strict=True))
    assert len(top) + counts.sum() == tokenizer.vocab_size
    share = top.exp().sum() / (top.exp().sum() + (counts * middles.exp()).sum())
    exact = scores.softmax(-1).topk(len(top)).values.sum()
    assert share == pytest.approx(exact.item(), abs=0.01)
