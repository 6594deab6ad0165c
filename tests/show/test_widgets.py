"""The data of every view is what was measured."""

import base64
import json
import re

import pytest
import torch

from insidegpt.show import widgets

WORDS = {"caption": "Look here.", "alt": "A picture of numbers."}


def stored(view):
    """The data that the static page will draw, out of the view's HTML."""
    bundle, _ = view._repr_mimebundle_()
    (text,) = re.findall(
        r'<script type="application/json">(.*?)</script>', bundle["text/html"], re.S
    )
    return json.loads(text)


def test_tokens_grow_from_their_bytes(tokenizers):
    data = stored(
        widgets.tokens_view(tokenizers["gpt2"], {"a": "The weather 🍓"}, **WORDS)
    )
    tokens = data["texts"][0]["tokens"]
    assert [t["id"] for t in tokens] == tokenizers["gpt2"].encode("The weather 🍓")
    assert b"".join(bytes(t["bytes"]) for t in tokens).decode() == "The weather 🍓"
    assert tokens[1]["steps"][0] == list(" weather")
    assert tokens[1]["steps"][-1] == [" weather"]


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


def test_logits_become_the_likeliest_tokens(tokenizer):
    logits = torch.zeros(1, 2, tokenizer.vocab_size)
    logits[0, 1, tokenizer.encode(" sunny")[0]] = 20.0
    data = stored(widgets.logits_view(tokenizer, [504, 3947], logits, **WORDS))
    assert data["tokens"] == ["The", " weather"]
    name, p = data["top"][0][1][0]
    assert name == " sunny" and p == pytest.approx(1, abs=1e-3)


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


def test_positions_and_steps_keep_what_they_are_given():
    frequencies = torch.tensor([1.0, 0.1])
    data = stored(widgets.positions_view(frequencies, pair=1, **WORDS))
    assert data["frequencies"] == [1.0, 0.1] and data["pair"] == 1
    steps = [{"title": "One", "text": "First.", "pieces": ["a"]}]
    assert stored(widgets.steps_view(steps, **WORDS))["steps"] == steps
