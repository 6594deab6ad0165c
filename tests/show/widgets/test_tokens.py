"""Tokens in their view are what the tokenizer makes, and so is what a page loads."""

import base64
from dataclasses import replace

import numpy as np
import pytest
from viewed import WORDS, stored

from insidegpt.show import widgets
from insidegpt.show.widgets.tokens import packed

TEXT = "The weather \x04🍓"


def test_a_trace_leads_from_bytes_to_ids(tokenizers):
    """Doing the stored merges on the stored bytes gives the tokens of the text."""
    texts = {"a": TEXT}
    data = stored(widgets.tokens_view(tokenizers, texts, title="Type", **WORDS))
    for name, traces in zip(tokenizers, data["texts"][0]["traces"], strict=True):
        tokenizer, ids = tokenizers[name], []
        for piece, found, merges in traces:
            parts = [bytes([byte]) for byte in piece]
            for at, rank in merges:
                left, right = (tokenizer.vocab[i] for i in tokenizer.merges[rank])
                assert parts[at : at + 2] == [left, right]
                parts[at : at + 2] = [left + right]
            assert parts == [tokenizer.token_bytes(i) for i in found]
            ids += found
        assert ids == tokenizer.encode(TEXT)


def test_a_packed_vocabulary_holds_every_byte_and_merge(tokenizers):
    for tokenizer in tokenizers.values():
        data = packed(tokenizer)
        pairs = np.frombuffer(base64.b64decode(data["pairs"]), "<u2").reshape(-1, 2)
        assert [tuple(pair) for pair in pairs.tolist()] == list(tokenizer.merges)
        lost = tokenizer.missing_bytes
        assert [b for b, i in enumerate(data["bytes"]) if i is None] == list(lost)
        wholes = tokenizer.vocab[data["first"] :][: len(pairs)]
        assert wholes[-1] == b"".join(tokenizer.vocab[i] for i in pairs[-1])


def test_a_tokenizer_that_does_more_is_not_packed(tokenizers):
    other = replace(tokenizers["gpt2"], normalize="NFC")
    with pytest.raises(ValueError, match="does more than cut and merge"):
        packed(other)


def test_vocabularies_are_no_part_of_the_page(tokenizers):
    view = widgets.tokens_view(tokenizers, {"a": TEXT}, title="Type", **WORDS)
    assert set(view.extra) == set(tokenizers)
    html = view._repr_mimebundle_()[0]["text/html"]
    assert view.extra["gpt2"]["pairs"][:60] not in html
