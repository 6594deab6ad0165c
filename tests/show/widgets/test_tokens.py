"""Tokens in their view are what the tokenizer makes."""

from viewed import WORDS, stored

from insidegpt.show import widgets


def test_tokens_grow_from_their_bytes(tokenizers):
    data = stored(
        widgets.tokens_view(tokenizers["gpt2"], {"a": "The weather 🍓"}, **WORDS)
    )
    tokens = data["texts"][0]["tokens"]
    assert [t["id"] for t in tokens] == tokenizers["gpt2"].encode("The weather 🍓")
    assert b"".join(bytes(t["bytes"]) for t in tokens).decode() == "The weather 🍓"
    assert tokens[1]["steps"][0] == list(" weather")
    assert tokens[1]["steps"][-1] == [" weather"]
