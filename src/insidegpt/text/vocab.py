"""Real vocabularies: SmolLM2's, GPT-2's, and those of other models.

Page: algorithm/tokenization.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from insidegpt.files.gguf import read_gguf
from insidegpt.files.json_file import expecting, label, read_json
from insidegpt.files.locate import gpt2_vocab, resolve, smollm2_gguf
from insidegpt.files.replace import replace_text
from insidegpt.text import pretokens
from insidegpt.text.bpe import BPETokenizer
from insidegpt.text.interface import Tokenizer
from insidegpt.text.library import CONTROL, USER_DEFINED, LibraryTokenizer, from_scores
from insidegpt.text.pretokens import BYTE_OF
from insidegpt.text.save import letters, save_tokenizer
from insidegpt.text.settings import if_there, read_settings
from insidegpt.text.tokenizer_json import from_tokenizer_json, vocab_and_merges

__all__ = ["BYTE_OF", "load_tokenizer", "save_tokenizer"]

GGUF_PATTERNS = {
    "gpt-2": pretokens.GPT2_PATTERN,
    "smollm": pretokens.SMOLLM2_PATTERN,
    "llama-bpe": pretokens.LLAMA3_PATTERN,
    "qwen2": pretokens.QWEN2_PATTERN,
}


def load_tokenizer(source: str | Path = "smollm2") -> Tokenizer:
    """A published tokenizer, or one that ``save_tokenizer`` wrote.

    source: ``"smollm2"`` or ``"gpt2"`` (both without network), a GGUF file, a
    ``tokenizer.json``, a directory with that or with ``vocab.json`` and
    ``merges.txt``, or a hub id; a directory of that name goes first.

    Raises FileNotFoundError, ConnectionError or ValueError, one sentence each.
    """
    path = smollm2_gguf() if source == "smollm2" else Path(source)
    if path.suffix == ".gguf":
        if not path.is_file():
            raise FileNotFoundError(f"There is no file {path}.")
        with expecting(path):
            return from_gguf_metadata(read_gguf(path).metadata)
    if path.is_file():
        return from_tokenizer_json(path)
    if source == "gpt2" and not path.is_dir():
        return from_gpt2_files(*gpt2_vocab())
    directory = resolve(source, want="tokenizer")
    if (directory / "tokenizer.json").is_file():
        return from_tokenizer_json(directory / "tokenizer.json")
    names = [directory / name for name in ("vocab.json", "merges.txt")]
    if not all(name.is_file() for name in names):
        raise FileNotFoundError(
            f"{directory.name} has neither tokenizer.json nor vocab.json and "
            "merges.txt: it holds no tokenizer that this package reads."
        )
    return from_gpt2_files(*names)


def from_gpt2_files(ids: Path, merges: Path) -> BPETokenizer:
    """GPT-2's two files: a JSON of ids and a list of merges, in BYTE_OF's letters."""
    table = read_json(ids)
    kind = if_there(ids.parent / "tokenizer_config.json").get("tokenizer_class")
    if kind and "GPT2" not in str(kind):
        raise ValueError(
            f"{ids.parent.name} holds a {kind}, and how that cuts text is said by a "
            "tokenizer.json alone: add that file."
        )
    try:
        lines = merges.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{label(merges)} is no text: copy it again.") from error
    pairs = [line.split(" ") for line in lines if line and not line.startswith("#ver")]
    special = {name: table[name] for name in ("<|endoftext|>",) if name in table}
    with expecting(ids):
        vocab, merged = vocab_and_merges(table, pairs, special)
        settings = {"end_ids": tuple(special.values())}
        settings |= read_settings(ids.parent, table)
        return BPETokenizer(vocab, merged, special=special, **settings)


def save_gpt2_files(tokenizer: BPETokenizer, directory: Path) -> None:
    """Write ``vocab.json`` and ``merges.txt``, which transformers reads."""
    table = letters(tokenizer)
    names = list(table)
    lines = [f"{names[left]} {names[right]}" for left, right in tokenizer.merges]
    replace_text(directory / "vocab.json", json.dumps(table, ensure_ascii=False))
    replace_text(directory / "merges.txt", "\n".join(["#version: 0.2", *lines, ""]))


def from_gguf_metadata(metadata: Mapping[str, Any]) -> Tokenizer:
    """The tokenizer in a GGUF header: byte-level BPE that we know, or sentencepiece's.

    Raises ValueError for another kind, KeyError or TypeError for a broken header.
    """
    data = {
        key.removeprefix("tokenizer.ggml."): value for key, value in metadata.items()
    }
    kind, cut, tokens = data.get("model"), data.get("pre"), data.get("tokens")
    if kind != "llama" and (kind != "gpt2" or cut not in GGUF_PATTERNS):
        raise ValueError(
            f"The GGUF's tokenizer is of kind {kind!r} with pre-tokenizer {cut!r}; "
            "this package knows kind 'llama', and kind 'gpt2' with "
            f"{' or '.join(map(repr, GGUF_PATTERNS))}."
        )
    kinds = data["token_type"]
    begins = data.get("add_bos_token", kind == "llama" or cut == "llama-bpe")
    settings = _gguf_settings(data, begins)
    if kind == "llama":
        space_first = data.get("add_space_prefix", True)
        text = from_scores(tokens, data["scores"], kinds, space_first=space_first)
        return LibraryTokenizer(text, **settings)
    special, added = (
        {token: i for i, token in enumerate(tokens) if kinds[i] == wanted}
        for wanted in (CONTROL, USER_DEFINED)
    )
    ids = {token: i for i, token in enumerate(tokens)}
    pairs = [pair.split(" ") for pair in data["merges"]]
    vocab, merges = vocab_and_merges(ids, pairs, special | added)
    return BPETokenizer(
        vocab,
        merges,
        GGUF_PATTERNS[cut],
        special,
        added,
        normalize="NFC" if cut == "qwen2" else None,
        whole_words=cut == "llama-bpe",
        **settings,
    )


def _gguf_settings(data: Mapping[str, Any], begins: bool) -> dict[str, Any]:
    """Chat template, begin and end; ``data`` is without "tokenizer.ggml."."""
    tokens = data["tokens"]
    ends = [data.get(f"{name}_token_id") for name in ("eos", "eot", "eom")]
    bos = [i for i in [data.get("bos_token_id")] if i in range(len(tokens))]
    return {
        "chat_template": data.get("tokenizer.chat_template"),
        "bos_token": tokens[bos[0]] if bos else None,
        "begin_ids": tuple(bos) if begins else (),
        "end_ids": tuple(dict.fromkeys(i for i in ends if i in range(len(tokens)))),
    }
