"""Streaming text: whole characters, stop strings that hide between tokens, chat."""

import codecs
from itertools import accumulate

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from insidegpt.infer.stream import TextWriter, answer, check_pair, stream_text
from insidegpt.model.config import PRESETS
from insidegpt.model.gpt import GPT

FRANCE = [{"role": "user", "content": "What is the capital of France?"}]


def pieces(tokenizer, text, stop=()):
    return list(stream_text(tokenizer, tokenizer.encode(text), stop=stop))


def test_without_stop_strings_every_piece_comes_at_once(tokenizer):
    assert pieces(tokenizer, "The weather today") == ["The", " weather", " today"]


def test_a_stop_string_over_several_tokens_is_never_shown(tokenizer):
    given_ = pieces(tokenizer, "Sunny. User: and tomorrow?", stop=["User:"])
    assert "".join(given_) == "Sunny. "


def test_what_only_began_like_a_stop_string_is_shown_in_the_end(tokenizer):
    assert "".join(pieces(tokenizer, "Hello Use", stop=["User:"])) == "Hello Use"
    assert "".join(pieces(tokenizer, "UsUser: x", stop=["User:"])) == "Us"


def test_the_first_of_several_stop_strings_counts(tokenizer):
    assert "".join(pieces(tokenizer, "one two three", stop=["three", " two"])) == "one"


texts = st.text("ab 今🍓\n", max_size=25)


@given(texts, st.lists(st.text("ab 今🍓\n", min_size=1, max_size=4), max_size=3))
def test_the_stream_is_the_text_before_the_first_stop_string(tokenizers, text, stop):
    ends = [at for at in map(text.find, stop) if at >= 0]
    shown = pieces(tokenizers["gpt2"], text, stop)
    assert "".join(shown) == text[: min(ends, default=None)]
    assert all(shown)  # never an empty piece


fragments = [text.encode()[:n] for text in "aé今🍓" for n in (1, 2, 3, 4)]
fragments += [b"\x80", b"\x80\x80", b"\xf5", b"\xe0\x80", b"", b"x\xf0\x9f", b"\x93y"]


@given(st.lists(st.sampled_from(fragments), max_size=8))
def test_a_token_starts_where_the_characters_before_it_end(tokenizers, names):
    """In the text of all bytes, whose broken ones are a character each time, too."""
    widths = []

    def broken(error):
        widths.append(error.end - error.start)
        return "\ue000", error.end

    codecs.register_error("broken", broken)
    data = b"".join(names)
    text, broken_ones = data.decode(errors="broken"), iter(widths)
    lengths = [next(broken_ones) if c == "\ue000" else len(c.encode()) for c in text]
    ends = list(accumulate(lengths))
    writer, at = TextWriter(tokenizers["gpt2"]), 0
    for name in names:
        writer.decode(name)
        assert not name or writer.start == sum(end <= at for end in ends)
        at += len(name)


def test_a_stop_string_ends_generation_itself(tokenizer):
    """The ids are not asked for beyond the stop string."""
    ids = tokenizer.encode("Sunny. User: and tomorrow?")
    asked = []
    stream = stream_text(tokenizer, (asked.append(i) or i for i in ids), stop=["User:"])
    assert "".join(stream) == "Sunny. "
    assert len(asked) < len(ids)


def test_an_empty_stop_string_is_refused(tokenizer):
    with pytest.raises(ValueError, match="stop string is empty"):
        pieces(tokenizer, "text", stop=[""])


def test_the_model_answers_and_ends_its_message(smollm2, tokenizer):
    text = "".join(answer(smollm2, tokenizer, FRANCE, max_new_tokens=40))
    assert text == "The capital of France is Paris."


def test_a_conversation_is_remembered(smollm2, tokenizer):
    turns = [
        *FRANCE,
        {"role": "assistant", "content": "The capital of France is Paris."},
        {"role": "user", "content": "And of Japan?"},
    ]
    assert "Tokyo" in "".join(answer(smollm2, tokenizer, turns, max_new_tokens=20))


def test_a_seed_makes_an_answer_repeatable(smollm2, tokenizer):
    def run(seed):
        settings = {"max_new_tokens": 12, "temperature": 1.2, "seed": seed}
        return "".join(answer(smollm2, tokenizer, FRANCE, **settings))

    assert run(1) == run(1)


def test_a_tokenizer_of_another_model_is_refused(smollm2, tokenizers):
    with pytest.raises(ValueError, match="50257 tokens and the model 49152"):
        check_pair(smollm2, tokenizers["gpt2"])
    with torch.device("meta"):
        tiny = GPT(PRESETS["tiny-llama"])
    with pytest.raises(ValueError, match="do not belong together"):
        answer(tiny, tokenizers["smollm2"], FRANCE)


def test_too_long_a_conversation_is_refused_in_one_sentence(smollm2, tokenizer):
    long = [{"role": "user", "content": "weather " * 9000}]
    with pytest.raises(ValueError, match="context holds 8192"):
        answer(smollm2, tokenizer, long)
