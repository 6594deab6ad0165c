"""What we write, read back by ourselves, by tokenizers and by transformers."""

import json
import os
from dataclasses import replace

import pytest
from tokenizers import Tokenizer as Reference
from transformers import AutoTokenizer

import insidegpt
from insidegpt.text import bpe
from insidegpt.text.save import save_tokenizer

STYLES = ("gpt2", "smollm", "llama3", "qwen", "letters only")
KINDS = ("llama2", "mistral", "unigram", "wordpiece")
TEXTS = (
    "The weather today",
    " \u00bd 12345's\r\n\n",
    "e\u0301 <think>    x",
    "\u4eca\u5929",
    "",
)
CONFIG = {"chat_template": "{{ bos_token }}{{ messages[0].content }}"}


@pytest.mark.parametrize("style", STYLES + KINDS)
def test_ids_are_the_same_for_everybody(written, tmp_path, style):
    names = {
        "unigram": "</s>",
        "wordpiece": "[SEP]",
        "llama2": "</s>",
        "mistral": "</s>",
    }
    end = names.get(style, "<|im_end|>")
    ours = insidegpt.load_tokenizer(written(style, eos_token=end, **CONFIG))
    save_tokenizer(ours, tmp_path / "saved")
    back = insidegpt.load_tokenizer(tmp_path / "saved")
    library = Reference.from_file(str(tmp_path / "saved/tokenizer.json"))
    theirs = AutoTokenizer.from_pretrained(tmp_path / "saved")
    if style in STYLES:
        assert back == ours
    for field in ("special", "begin_ids", "end_ids", "chat_template", "vocab_size"):
        assert getattr(back, field) == getattr(ours, field)
    for text in TEXTS:
        ids = ours.encode(text)
        assert back.encode(text) == ids
        assert library.encode(text, add_special_tokens=False).ids == ids
        assert theirs.encode(text, add_special_tokens=False) == ids
    assert theirs.chat_template == CONFIG["chat_template"]
    assert theirs.eos_token == end
    assert theirs("The")["input_ids"][: len(ours.begin_ids)] == [*ours.begin_ids]


def test_a_learned_tokenizer_comes_back(tmp_path):
    learned = bpe.train(
        ["The weather \u4eca\u5929"], vocab_size=280, special_tokens=["<end>"]
    )
    learned = replace(learned, end_ids=(0, 5), bos_token="<end>", begin_ids=(0,))
    save_tokenizer(learned, tmp_path)
    assert insidegpt.load_tokenizer(tmp_path) == learned
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    assert theirs("weather")["input_ids"] == [0, *learned.encode("weather")]
    assert theirs.eos_token == "<end>"


def test_smollm2_comes_back(tokenizer, tmp_path):
    save_tokenizer(tokenizer, tmp_path)
    assert insidegpt.load_tokenizer(tmp_path) == tokenizer


def test_nothing_half_written_is_left(tmp_path, monkeypatch):
    learned = bpe.train(["aa ab"], vocab_size=258)
    save_tokenizer(learned, tmp_path)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert set(before) == {
        f"{n}.json" for n in ("tokenizer", "tokenizer_config", "generation_config")
    }

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        save_tokenizer(bpe.train(["bb"], vocab_size=258), tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_two_tokens_of_one_name_are_refused(tmp_path):
    clash = bpe.BPETokenizer((b"a", b"a"), (), added={"a": 1})
    with pytest.raises(ValueError, match="one name"):
        save_tokenizer(clash, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_numbers_in_the_file_are_json(tokenizer, tmp_path):
    save_tokenizer(tokenizer, tmp_path)
    ends = json.loads((tmp_path / "generation_config.json").read_text())
    assert ends == {"eos_token_id": [2]}
