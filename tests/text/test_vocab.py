"""Published vocabularies: the ids we know, every form they come in, broken files."""

import json
import shutil
from dataclasses import replace

import pytest
from transformers import GPT2Tokenizer

import insidegpt
from insidegpt.files.gguf import read_gguf
from insidegpt.files.locate import smollm2_gguf
from insidegpt.text import bpe, vocab

TEXTS = ("The weather today is", " ½ and 1969", "今天天气 🍓", "a\n\n  b\t", "")


@pytest.mark.parametrize(
    ("name", "text", "ids"),
    [
        ("gpt2", "The weather today is", [464, 6193, 1909, 318]),
        ("gpt2", "Hello world", [15496, 995]),
        ("smollm2", "The weather today is", [504, 3947, 1834, 314]),
        ("smollm2", " ½", [216, 16738]),  # as llama.cpp has it: digits stand alone
    ],
)
def test_published_ids(tokenizers, name, text, ids):
    assert tokenizers[name].encode(text) == ids


def test_sizes_and_special_tokens(tokenizers):
    assert tokenizers["gpt2"].vocab_size == 50257
    assert tokenizers["gpt2"].special == {"<|endoftext|>": 50256}
    assert tokenizers["smollm2"].vocab_size == 49152
    assert tokenizers["smollm2"].special["<|im_start|>"] == 1


def test_gpt2_files_are_written_as_transformers_reads_them(tmp_path):
    learned = bpe.train(
        ["The weather today is fine. " * 5],
        vocab_size=300,
        special_tokens=["<|endoftext|>"],
    )
    vocab.save_gpt2_files(learned, tmp_path)
    theirs = GPT2Tokenizer.from_pretrained(tmp_path)
    back = insidegpt.load_tokenizer(tmp_path)
    for text in TEXTS:
        assert learned.encode(text) == back.encode(text) == theirs.encode(text)


def test_a_directory_named_gpt2_goes_before_the_wheel(tmp_path, monkeypatch):
    learned = bpe.train(["aa ab"], vocab_size=258, special_tokens=["<|endoftext|>"])
    (tmp_path / "gpt2").mkdir()
    vocab.save_gpt2_files(learned, tmp_path / "gpt2")
    monkeypatch.chdir(tmp_path)
    assert insidegpt.load_tokenizer("gpt2").vocab_size == learned.vocab_size


def test_a_gguf_file_by_its_path(tokenizer):
    assert insidegpt.load_tokenizer(smollm2_gguf()) == tokenizer


# Broken and unknown -------------------------------------------------------------------


@pytest.fixture
def files(tmp_path):
    learned = bpe.train(["aa ab ac"], vocab_size=262)
    vocab.save_gpt2_files(learned, tmp_path)
    return tmp_path


def edit(path, change):
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_truncated_json_is_named(files):
    path = files / "vocab.json"
    path.write_text(path.read_text()[:-20])
    with pytest.raises(ValueError, match="vocab.json is truncated or corrupted"):
        insidegpt.load_tokenizer(files)


def test_binary_rubbish_is_named(files):
    (files / "vocab.json").write_bytes(b"\xff\xfe\x00rubbish")
    with pytest.raises(ValueError, match="vocab.json is truncated or corrupted"):
        insidegpt.load_tokenizer(files)


def test_merges_of_another_vocabulary_are_named(files):
    with open(files / "merges.txt", "a") as file:
        file.write("zz qq\n")
    with pytest.raises(ValueError, match="do not fit each other"):
        insidegpt.load_tokenizer(files)


def test_a_gap_in_the_ids_is_named(files):
    edit(files / "vocab.json", lambda table: table.update({"zz": 9999}))
    with pytest.raises(ValueError, match="without gaps"):
        insidegpt.load_tokenizer(files)


def test_a_directory_without_a_tokenizer_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="neither tokenizer.json nor"):
        insidegpt.load_tokenizer(tmp_path)


def test_missing_merges_are_named(files):
    (files / "merges.txt").unlink()
    with pytest.raises(FileNotFoundError, match="neither tokenizer.json nor"):
        insidegpt.load_tokenizer(files)


def test_a_gguf_tokenizer_of_another_kind_is_refused():
    metadata = dict(read_gguf(smollm2_gguf()).metadata)
    for key, value in (("model", "t5"), ("pre", "falcon")):
        with pytest.raises(ValueError, match=f"'{value}'"):
            vocab.from_gguf_metadata(metadata | {f"tokenizer.ggml.{key}": value})


def test_the_stand_in_and_its_files_agree(tmp_path):
    """The directory beside code/running-gpt2 reads alike in both libraries."""
    from support import ROOT

    shutil.copytree(ROOT / "book/code/gpt2", tmp_path / "copy")
    theirs = GPT2Tokenizer.from_pretrained(tmp_path / "copy")
    ours = insidegpt.load_tokenizer(tmp_path / "copy")
    for text in TEXTS:
        assert ours.encode(text) == theirs.encode(text)


def test_gpt2_files_of_another_family_are_refused(files):
    """Qwen has the same two files and cuts text in another way."""
    config = files / "tokenizer_config.json"
    config.write_text('{"tokenizer_class": "GPT2TokenizerFast"}')
    insidegpt.load_tokenizer(files)
    config.write_text('{"tokenizer_class": "Qwen2Tokenizer"}')
    with pytest.raises(ValueError, match="holds a Qwen2Tokenizer"):
        insidegpt.load_tokenizer(files)


@pytest.mark.parametrize(
    ("name", "data", "named"),
    [
        ("vocab.json", b"[]", "vocab.json should hold a JSON object"),
        ("vocab.json", b'{"a": []}', "vocab.json"),
        ("vocab.json", b'{"a": null}', "/vocab.json"),
        ("merges.txt", b"a", "do not fit each other"),
        ("merges.txt", b"a b c", "do not fit each other"),
        ("merges.txt", b"\xff", "merges.txt is no text"),
        ("tokenizer_config.json", b"[]", "^[^:]*tokenizer_config.json should hold"),
    ],
)
def test_files_that_hold_something_else_are_named(files, name, data, named):
    (files / name).write_bytes(data)
    with pytest.raises(ValueError, match=named):
        insidegpt.load_tokenizer(files)


@pytest.mark.parametrize("key", ["tokens", "token_type", "merges"])
def test_a_gguf_without_a_key_is_named(monkeypatch, key):
    whole = read_gguf(smollm2_gguf())
    metadata = {k: v for k, v in whole.metadata.items() if k != f"tokenizer.ggml.{key}"}
    monkeypatch.setattr(vocab, "read_gguf", lambda _: replace(whole, metadata=metadata))
    with pytest.raises(ValueError, match="In .*gguf something is missing"):
        insidegpt.load_tokenizer("smollm2")


def test_a_gguf_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match="no file no/such.gguf"):
        insidegpt.load_tokenizer("no/such.gguf")
