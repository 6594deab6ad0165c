"""Ids to text: whole characters, and stop strings that hide between tokens."""

import codecs
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insidegpt.text.detokenize import Detokenizer, stream_text


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
    writer, at = Detokenizer(tokenizers["gpt2"]), 0
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


def test_one_string_is_one_stop_string(tokenizer):
    assert "".join(pieces(tokenizer, "one END two", stop="END")) == "one "
    assert "".join(pieces(tokenizer, "EnD", stop="END")) == "EnD"
    assert "".join(pieces(tokenizer, "one END", stop=iter(["END"]))) == "one "
    assert "".join(pieces(tokenizer, "one END", stop=None)) == "one END"
    with pytest.raises(ValueError, match="stop string is empty"):
        pieces(tokenizer, "text", stop="")


@given(st.lists(st.integers(0, 49151), max_size=30))
def test_a_stream_gives_what_decode_gives(tokenizers, ids):
    smollm2 = tokenizers["smollm2"]
    assert "".join(stream_text(smollm2, ids)) == smollm2.decode(ids)


def test_rows_that_pad_the_vocabulary_say_nothing(tokenizer):
    assert list(stream_text(tokenizer, [tokenizer.vocab_size + 3])) == []


def test_an_empty_stop_string_is_refused(tokenizer):
    with pytest.raises(ValueError, match="stop string is empty"):
        pieces(tokenizer, "text", stop=[""])
