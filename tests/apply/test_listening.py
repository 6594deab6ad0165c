"""Listening, against the model's own log-probabilities read anew each time."""

import pytest
import torch
from small_align import TOKENIZER, tiny

from insidegpt.apply.listening import Listener, weigh
from insidegpt.measure.likelihood import ending_logprobs

OPENINGS = ["ab", "c", "bcabca", "hello there"]


@pytest.fixture(scope="module")
def model():
    return tiny().eval()


def anew(model, openings, said):
    """What the same texts score without any memory."""
    prompts = [TOKENIZER.encode(opening) for opening in openings]
    return ending_logprobs(model, prompts, [TOKENIZER.encode(said)] * len(openings))


def test_what_is_kept_changes_no_score(model):
    listener = Listener(model, TOKENIZER, longest=20)
    for said in ("abc", "no", "abc", " a longer thing"):
        ours = listener.listen(OPENINGS, said)
        assert torch.allclose(ours, anew(model, OPENINGS, said), atol=1e-10)


def test_an_opening_is_read_once(model, monkeypatch):
    listener = Listener(model, TOKENIZER, longest=20)
    listener.listen(OPENINGS, "abc")
    monkeypatch.setattr(
        model, "hidden", None
    )  # of reading an opening; step has its own
    monkeypatch.setattr(
        model, "step", lambda ids, caches, counts: torch.zeros(len(ids), 257)
    )
    assert len(listener.listen(OPENINGS[::-1], "c")) == len(OPENINGS)


def test_many_openings_are_heard_a_few_at_a_time(model, monkeypatch):
    monkeypatch.setattr(model, "max_rows", 7)  # two openings with three tokens each
    ours = Listener(model, TOKENIZER, longest=20).listen(OPENINGS, "abc")
    assert torch.allclose(ours, anew(model, OPENINGS, "abc"), atol=1e-10)


def test_of_a_long_speech_the_beginning_is_heard(model):
    ours = Listener(model, TOKENIZER, longest=3).listen(OPENINGS, "abcabc")
    assert torch.allclose(ours, anew(model, OPENINGS, "abc"), atol=1e-10)


@pytest.mark.parametrize(("openings", "said"), [(["a", ""], "b"), (["a"], "")])
def test_nothing_can_be_neither_an_opening_nor_said(model, openings, said):
    with pytest.raises(ValueError, match="one token each"):
        Listener(model, TOKENIZER).listen(openings, said)


def test_endings_are_weighed_after_what_a_cache_holds(model):
    text, ids = TOKENIZER.encode("hello"), TOKENIZER.encode("abc")
    endings = [TOKENIZER.encode(e) for e in ("a", "no", "cab")]
    cache = model.new_cache(batch=1, max_tokens=40)
    with torch.inference_mode():
        model.hidden(torch.tensor([text]), cache=cache)
    expected = ending_logprobs(model, [text + ids] * 3, endings)
    for _ in range(2):
        assert torch.allclose(weigh(model, ids, endings, cache), expected, atol=1e-10)
        assert cache.tokens == len(text)
    alone = ending_logprobs(model, [ids] * 3, endings)
    assert torch.allclose(weigh(model, ids, endings), alone, atol=1e-10)
    with pytest.raises(ValueError, match="one token each"):
        weigh(model, [], endings)
