"""tokenizer.json: byte-level BPE as the tokenizers library encodes it, or its own."""

import json
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken

import insidegpt
from insidegpt.text.bpe import BPETokenizer
from insidegpt.text.library import LibraryTokenizer

BYTE_LEVEL = ("gpt2", "smollm", "llama3", "qwen", "letters only")
PARTS = (
    *("a", "weather", " the", "THE", "'s", "'S", "'\u017f", "'ll", "\u2019s", "don't"),
    *(
        " ",
        "  ",
        "    ",
        "     ",
        "\n",
        "\n\n",
        "\r\n",
        " \n",
        "\t",
        "\u00a0",
        "\u3000",
    ),
    *("\x1c", "\x85", "\u2028", "\u200b", "\ufeff", "\x00", "\x7f", "\ufdd0", "\uffff"),
    *("1", "12", "123", "1234", "\u00bd", "\u2163", "\u0663", "3.14", "1,000"),
    *("e\u0301", "\u00e9", "\u0301", "\uac00", "\u1100\u1161", "\u212b", "\ufb01"),
    *("\u4eca\u5929", "\u4eca", "\U0001f353", "\U0001f469\u200d\U0001f469"),
    *("\u3000", "<|"),
    *(
        "<think>",
        "</think>",
        "<thi",
        "<think",
        "<|im_start|>",
        "<|im_end|>",
        "<|",
        "|>",
    ),
    *("<|begin|>", "--", "...", "!?\n", "_", "def f(x):\n    return", "a" * 120),
)
texts = st.lists(
    st.sampled_from(PARTS) | st.text(st.characters(exclude_categories=["Cs", "Cn"])),
    max_size=8,
).map("".join)


@pytest.fixture(scope="module")
def pairs(made, tmp_path_factory):
    """Ours and the library's by style; both take special names for text."""
    both = {}
    for style in BYTE_LEVEL:
        directory = tmp_path_factory.mktemp("style")
        theirs = made(style)
        theirs.save(str(directory / "tokenizer.json"))
        theirs.encode_special_tokens = True
        both[style] = insidegpt.load_tokenizer(directory), theirs
    return both


@pytest.mark.parametrize("style", BYTE_LEVEL)
def test_nasty_strings_have_the_ids_of_tokenizers(pairs, style):
    ours, theirs = pairs[style]
    assert isinstance(ours, BPETokenizer)

    @settings(max_examples=400)
    @given(texts)
    def compare(text):
        ids = theirs.encode(text, add_special_tokens=False).ids
        assert ours.encode(text) == ids
        whole = unicodedata.normalize("NFC", text) if style == "qwen" else text
        assert style == "qwen" or ours.decode(ids) == whole

    compare()
    for first in PARTS:
        for second in PARTS:
            text = first + second
            ids = theirs.encode(text, add_special_tokens=False).ids
            assert ours.encode(text) == ids


def test_accents_are_composed_for_qwen_alone(pairs):
    assert pairs["qwen"][0].encode("e\u0301") == pairs["qwen"][0].encode("\u00e9")
    assert pairs["gpt2"][0].encode("e\u0301") != pairs["gpt2"][0].encode("\u00e9")


def test_a_begin_token_is_known_and_not_put_in(pairs):
    ours, theirs = pairs["llama3"]
    assert ours.begin_ids == (theirs.token_to_id("<|begin|>"),)
    assert ours.begin_ids[0] not in ours.encode("<|begin|> x")
    assert pairs["qwen"][0].begin_ids == ()


def change(directory, **changes):
    path = directory / "tokenizer.json"
    data = json.loads(path.read_text())
    for where, value in changes.items():
        place = data
        *above, last = where.split("__")
        for key in above:
            place = place[key]
        place[last] = value
    path.write_text(json.dumps(data))
    return directory


LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}


def cut(*steps):
    level = LEVEL | {"use_regex": False}
    return {"type": "Sequence", "pretokenizers": [*steps, level]}


def split(pattern, behavior="Isolated", invert=False):
    pattern = {"Regex": pattern}
    return {
        "type": "Split",
        "pattern": pattern,
        "behavior": behavior,
        "invert": invert,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"pre_tokenizer": LEVEL | {"use_regex": False}},
        {"pre_tokenizer": LEVEL | {"add_prefix_space": True, "use_regex": True}},
        {"pre_tokenizer": cut(split(r"\s", behavior="Removed"))},
        {"pre_tokenizer": cut(split(r"\w+", invert=True))},
        {"pre_tokenizer": cut(split(r"\w+"), split(r"\d"))},
        {"pre_tokenizer": cut(split(r"[\w&&[^a]]+"))},
        {"pre_tokenizer": cut(split(r"(a)|b"))},
        {"pre_tokenizer": cut(split(r"(?=a)"))},  # cuts where nothing is matched
        {"pre_tokenizer": cut(split(r"a*"))},
        {"pre_tokenizer": None},
        {"normalizer": {"type": "Lowercase"}},
        {
            "model__unk_token": "a",
            "model__dropout": None,
            "normalizer": {"type": "NFD"},
        },
    ],
)
def test_steps_that_we_do_not_know_are_left_to_the_library(written, made, changes):
    ours = insidegpt.load_tokenizer(change(written("gpt2"), **changes))
    assert isinstance(ours, LibraryTokenizer)
    theirs = ours._library.from_str(ours.json)
    for text in PARTS:
        text = f"x{text} Weather {text}"
        if "<|" not in text:
            ids = theirs.encode(text, add_special_tokens=False).ids
            assert ours.encode(text) == ids


@pytest.mark.parametrize("flag", ["lstrip", "rstrip", "single_word"])
def test_added_tokens_that_take_text_around_them_are_left_to_the_library(
    written, made, tmp_path, flag
):
    theirs = made("gpt2")
    theirs.add_tokens([AddedToken("<x>", normalized=False, **{flag: True})])
    theirs.save(str(tmp_path / "tokenizer.json"))
    ours = insidegpt.load_tokenizer(tmp_path)
    assert ours.encode("a <x> b<x>c") == theirs.encode("a <x> b<x>c").ids


def test_a_file_by_its_path(written):
    directory = written("qwen")
    by_path = insidegpt.load_tokenizer(directory / "tokenizer.json")
    assert by_path == insidegpt.load_tokenizer(directory)


BROKEN = [
    "[]",
    "null",
    "{}",
    '{"model": null}',
    '{"model": []}',
    '{"model": {"type": "BPE"}}',
    '{"model": {"type": "BPE", "vocab": [], "merges": []}}',
    '{"model": {"type": "BPE", "vocab": {"a": "0"}, "merges": []}}',
    '{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [1]}}',
    '{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}}',
    '{"model": {"vocab": {}, "merges": []}, "added_tokens": [1]}',
    '{"model": {"vocab": {}, "merges": []}, "added_tokens": {"a": 1}}',
    '{"model": {"vocab": {}, "merges": []}, "pre_tokenizer": 5}',
    '{"model": {"vocab": {}, "merges": []}, "pre_tokenizer": {"pretokenizers": []}}',
    '{"model": {"vocab": {}, "merges": []}, "post_processor": []}',
    '{"model": {"type": "Nonsense", "vocab": {}}}',
    '{"model": {"vocab"',
    "[" * 100_000,
]


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_tokenizer_json_is_named_in_one_sentence(tmp_path, text):
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(ValueError, match="tokenizer.json") as caught:
        insidegpt.load_tokenizer(tmp_path)
    assert f"{tmp_path.name}/tokenizer.json" in str(caught.value)
