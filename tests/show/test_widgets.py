"""Views: what a page stores is what was measured, and safe to put into HTML."""

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


def test_a_view_has_html_for_the_page_and_a_widget_for_the_kernel(tokenizer):
    view = widgets.tokens_view(tokenizer, {"a": "The weather"}, **WORDS)
    bundle, _ = view._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/html"].startswith('<figure data-view="tokens" aria-label="A pi')
    assert "<figcaption>Look here.</figcaption>" in bundle["text/html"]
    assert bundle["text/plain"] == repr(view)


def test_nothing_in_the_data_or_the_words_can_end_the_script(tokenizer):
    evil = '</script><img src=x onerror="alert(1)">'
    view = widgets.tokens_view(tokenizer, {evil: evil}, caption=evil, alt=evil)
    html = view._repr_mimebundle_()[0]["text/html"]
    assert html.count("</script>") == 1 and "<img" not in html.split("<script")[0]
    assert stored(view)["texts"][0]["text"] == evil


def test_a_live_view_has_the_same_script_and_data_as_the_page(tokenizer):
    view = widgets.tokens_view(tokenizer, {"a": "Hi"}, **WORDS)
    assert stored(view) == view.data
    for name in widgets.NAMES:
        assert (widgets.VIEWS / f"{name}.js").read_text("utf-8") in widgets.script()


def test_tokens_grow_from_their_bytes(tokenizers):
    data = stored(
        widgets.tokens_view(tokenizers["gpt2"], {"a": "The weather 🍓"}, **WORDS)
    )
    tokens = data["texts"][0]["tokens"]
    assert [t["id"] for t in tokens] == tokenizers["gpt2"].encode("The weather 🍓")
    assert b"".join(bytes(t["bytes"]) for t in tokens).decode() == "The weather 🍓"
    assert tokens[1]["steps"][0] == list(" weather")
    assert tokens[1]["steps"][-1] == [" weather"]


def test_a_reader_s_text_is_tokenized_by_the_kernel(tokenizer):
    view = widgets.tokens_view(tokenizer, {"a": "Hi"}, **WORDS)
    sent = []
    view.send = sent.append
    view._handle_custom_msg({"text": "The weather"}, [])
    assert [t["id"] for t in sent[0]["tokens"]] == tokenizer.encode("The weather")


def test_attention_is_stored_to_within_half_a_step():
    weights = torch.rand(2, 3, 4, 4).tril()
    data = stored(widgets.attention_view(list("abcd"), weights, **WORDS))
    numbers = torch.frombuffer(
        bytearray(base64.b64decode(data["weights"])), dtype=torch.uint8
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


def test_the_text_of_a_view_is_stable_and_tells_its_numbers():
    view = widgets.View("steps", {"x": [1.0, 2.0, "a"]}, **WORDS)
    assert repr(view) == "<view steps: 1 texts, 2 numbers, mean 1.5>"
    assert repr(widgets.View("steps", {"x": [1.0, 4.0]}, **WORDS)) != repr(view)


def test_a_view_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="There is no view 'pie'"):
        widgets.View("pie", {}, **WORDS)
