"""Real vocabularies: SmolLM2's, GPT-2's, and those of hub models like them.

Page: algorithm/tokenization.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from insidegpt.files.gguf import read_gguf
from insidegpt.files.source import gpt2_vocab, resolve, smollm2_gguf
from insidegpt.text.bpe import BYTE_ORDER, GPT2_PATTERN, PRINTABLE, Tokenizer

# SmolLM2 takes every digit alone, and each other sign that Unicode calls a number. The
# cut comes first, so a run of white space before a digit stays whole.
SMOLLM2_PATTERN = (
    r"\p{N}|'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+"
)
GGUF_PATTERNS = {"gpt-2": GPT2_PATTERN, "smollm": SMOLLM2_PATTERN}
GGUF_CONTROL = 3  # token_type of a special token

# GPT-2's files write bytes as characters: printable ones as themselves, the others,
# in order, as U+0100, U+0101, ...
BYTE_OF = {
    chr(byte) if byte in PRINTABLE else chr(256 + i - len(PRINTABLE)): byte
    for i, byte in enumerate(BYTE_ORDER)
}


def load_tokenizer(source: str | Path = "smollm2") -> Tokenizer:
    """A published tokenizer.

    source: ``"smollm2"`` or ``"gpt2"`` (both without network), a file that
    ``Tokenizer.save`` wrote, a directory with ``tokenizer.json`` or ``vocab.json`` and
    ``merges.txt``, or a hub id; a directory of that name goes first.

    Raises FileNotFoundError, ConnectionError or ValueError, one sentence each.
    """
    if source == "smollm2":
        return from_gguf_metadata(read_gguf(smollm2_gguf()).metadata)
    path = Path(source)
    if path.suffix == ".gguf":
        return from_gguf_metadata(read_gguf(path).metadata)
    if path.is_file():
        return _load_own(path)
    if source == "gpt2" and not path.is_dir():
        return from_gpt2_files(*gpt2_vocab())
    directory = resolve(source, want="tokenizer")
    if (directory / "tokenizer.json").is_file():
        return from_tokenizer_json(directory / "tokenizer.json")
    names = [directory / name for name in ("vocab.json", "merges.txt")]
    if not all(name.is_file() for name in names):
        raise FileNotFoundError(
            f"{directory.name} has neither tokenizer.json nor vocab.json and "
            "merges.txt: it holds no byte-level BPE tokenizer."
        )
    return from_gpt2_files(*names)


def from_gpt2_files(ids: Path, merges: Path) -> Tokenizer:
    """GPT-2's two files: a JSON of ids and a list of merges, in BYTE_OF's letters."""
    table = _read_json(ids)
    lines = merges.read_text(encoding="utf-8").split("\n")
    pairs = [line.split(" ") for line in lines if line and not line.startswith("#ver")]
    special = {name: table[name] for name in ("<|endoftext|>",) if name in table}
    return assemble(table, pairs, pattern=GPT2_PATTERN, special=special)


def save_gpt2_files(tokenizer: Tokenizer, directory: Path) -> None:
    """Write ``vocab.json`` and ``merges.txt``, which transformers reads."""
    letter = {byte: character for character, byte in BYTE_OF.items()}
    special = {i: name for name, i in tokenizer.special.items()}
    names = [
        special.get(i) or "".join(letter[byte] for byte in word)
        for i, word in enumerate(tokenizer.vocab)
    ]
    table = {name: i for i, name in enumerate(names)}
    lines = [f"{names[left]} {names[right]}" for left, right in tokenizer.merges]
    text = json.dumps(table, ensure_ascii=False)
    (directory / "vocab.json").write_text(text, encoding="utf-8")
    text = "\n".join(["#version: 0.2", *lines, ""])
    (directory / "merges.txt").write_text(text, encoding="utf-8")


def from_gguf_metadata(metadata: Mapping[str, Any]) -> Tokenizer:
    """The tokenizer in a GGUF header, if it is a byte-level BPE that we know."""
    kind, cut = (metadata.get(f"tokenizer.ggml.{key}") for key in ("model", "pre"))
    if kind != "gpt2" or cut not in GGUF_PATTERNS:
        raise ValueError(
            f"The GGUF's tokenizer is of kind {kind!r} with pre-tokenizer {cut!r}; "
            "this package knows kind 'gpt2' with "
            f"{' or '.join(map(repr, GGUF_PATTERNS))}."
        )
    tokens = metadata["tokenizer.ggml.tokens"]
    kinds = metadata["tokenizer.ggml.token_type"]
    return assemble(
        {token: i for i, token in enumerate(tokens)},
        [pair.split(" ") for pair in metadata["tokenizer.ggml.merges"]],
        pattern=GGUF_PATTERNS[cut],
        special={t: i for i, t in enumerate(tokens) if kinds[i] == GGUF_CONTROL},
    )


def from_tokenizer_json(path: Path) -> Tokenizer:
    """Hugging Face's ``tokenizer.json``, if it is a byte-level BPE that we know."""
    data = _read_json(path)
    model = data.get("model") or {}
    known = (
        model.get("type") == "BPE"
        and data.get("normalizer") is None
        and not model.get("ignore_merges")
        and not model.get("dropout")
    )
    if not known:
        raise ValueError(
            f"{path.parent.name} holds a tokenizer of type {model.get('type')!r} with "
            "steps that this package does not know; it reads plain byte-level BPE."
        )
    pairs = [m.split(" ") if isinstance(m, str) else m for m in model["merges"]]
    added = {token["content"]: token["id"] for token in data.get("added_tokens", ())}
    cut = _pattern(data.get("pre_tokenizer") or {}, path)
    return assemble(model["vocab"] | added, pairs, pattern=cut, special=added)


def assemble(
    ids: Mapping[str, int],
    merges: Iterable[Sequence[str]],
    *,
    pattern: str,
    special: Mapping[str, int],
) -> Tokenizer:
    """A Tokenizer from names in BYTE_OF's letters; ValueError if they clash."""
    if sorted(ids.values()) != list(range(len(ids))):
        raise ValueError("The vocabulary's ids are not 0, 1, 2, .. without gaps.")
    try:
        vocab = [b""] * len(ids)
        for name, i in ids.items():
            vocab[i] = name.encode() if name in special else _bytes(name)
        pairs = tuple((ids[left], ids[right]) for left, right in merges)
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"Vocabulary and merges do not fit each other: {error} is unknown; are "
            "both files whole and of one byte-level BPE?"
        ) from error
    return Tokenizer(tuple(vocab), pairs, pattern, dict(special))


def _bytes(name: str) -> bytes:
    return bytes([BYTE_OF[letter] for letter in name])


def _pattern(settings: Mapping[str, Any], path: Path) -> str:
    """The cut that a pre-tokenizer's settings describe."""
    steps = settings.get("pretokenizers", [settings])
    kinds = [step.get("type") for step in steps]
    if not any(step.get("add_prefix_space") for step in steps):
        if kinds == ["ByteLevel"]:
            return GPT2_PATTERN
        if kinds == ["Digits", "ByteLevel"] and steps[0].get("individual_digits"):
            return SMOLLM2_PATTERN
    raise ValueError(
        f"{path.parent.name} cuts text in a way that this package does not know "
        f"({', '.join(map(str, kinds))}); it knows GPT-2's and SmolLM2's."
    )


def _load_own(path: Path) -> Tokenizer:
    data = _read_json(path)
    try:
        return Tokenizer(
            vocab=tuple(word.encode("latin-1") for word in data["vocab"]),
            merges=tuple((left, right) for left, right in data["merges"]),
            pattern=data["pattern"],
            special=data["special"],
        )
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(
            f"{path.name} is not a tokenizer that Tokenizer.save wrote."
        ) from error


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path.parent.name}/{path.name} is truncated or corrupted: it is not "
            "valid JSON; copy or download it again."
        ) from error
