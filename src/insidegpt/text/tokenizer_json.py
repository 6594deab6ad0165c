"""Read Hugging Face's ``tokenizer.json``, by our own code where it can run it.

Page: algorithm/tokenization.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import regex

from insidegpt.files.json_file import expecting, read_json
from insidegpt.text import pretokens
from insidegpt.text.bpe import BPETokenizer, Pair
from insidegpt.text.interface import Tokenizer
from insidegpt.text.library import LibraryTokenizer
from insidegpt.text.settings import read_settings

# What the regex module reads in another way than the library's Oniguruma.
READ_OTHERWISE = regex.compile(r"&&|\[[^\]]*\[|\\[hHRXKGZ]|(?<!^)\(\?[a-z-]+\)")
WORD_MARKS = ("continuing_subword_prefix", "end_of_word_suffix")
PROBE = "".join(map(chr, range(9, 127)))
TRIMS = ("lstrip", "rstrip", "single_word")  # of an added token: text around it


def from_tokenizer_json(path: Path) -> Tokenizer:
    """Byte-level BPE whose steps we know is ours to run, all else the library's."""
    data = read_json(path)
    with expecting(path):
        added = data.get("added_tokens") or []
        ids = {token["content"]: token["id"] for token in added}
        vocab = data["model"]["vocab"]
        ids = vocab | ids if isinstance(vocab, dict) else ids
        settings = {"begin_ids": begin_ids(data)}
        settings |= read_settings(path.parent, ids)
        cut = _known_cut(data)
        if cut is None or sorted(ids.values()) != list(range(len(ids))):
            return LibraryTokenizer(path.read_text(encoding="utf-8-sig"), **settings)
        special, plain = (
            {t["content"]: t["id"] for t in added if t["special"] == wanted}
            for wanted in (True, False)
        )
        pairs = data["model"]["merges"]
        pairs = [m.split(" ") if isinstance(m, str) else m for m in pairs]
        words, merges = vocab_and_merges(ids, pairs, special | plain)
        return BPETokenizer(
            words,
            merges,
            cut,
            special,
            plain,
            normalize="NFC" if data.get("normalizer") else None,
            whole_words=bool(data["model"].get("ignore_merges")),
            **settings,
        )


def vocab_and_merges(
    ids: Mapping[str, int], merges: Iterable[Sequence[str]], raw: Iterable[str]
) -> tuple[tuple[bytes, ...], tuple[Pair, ...]]:
    """Bytes and ids for names in BYTE_OF's letters; ``raw`` are written as they are.

    Raises ValueError if vocabulary and merges clash.
    """
    if sorted(ids.values()) != list(range(len(ids))):
        raise ValueError(
            "The vocabulary's ids are not 0, 1, 2, .. without gaps, or "
            "two tokens have one name."
        )
    vocab, raw = [b""] * len(ids), set(raw)
    try:
        for name, i in ids.items():
            letters = () if name in raw else map(pretokens.BYTE_OF.__getitem__, name)
            vocab[i] = name.encode() if name in raw else bytes(letters)
        pairs = tuple((ids[left], ids[right]) for left, right in merges)
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"Vocabulary and merges do not fit each other ({error}): are both whole "
            "and of one byte-level BPE?"
        ) from error
    return tuple(vocab), pairs


def begin_ids(data: Mapping[str, Any]) -> tuple[int, ...]:
    """What the post-processor puts before a text."""
    settings = data.get("post_processor") or {}
    for step in settings.get("processors", [settings]):
        if "cls" in step:  # BERT's and RoBERTa's
            return (step["cls"][1],)
        parts = takewhile(lambda part: "SpecialToken" in part, step.get("single", ()))
        names = [part["SpecialToken"]["id"] for part in parts]
        if names:
            return tuple(i for n in names for i in step["special_tokens"][n]["ids"])
    return ()


def _known_cut(data: Mapping[str, Any]) -> str | None:
    """The pattern of a byte-level BPE; None if it has a step that we do not know."""
    model, normalizer = data["model"], data.get("normalizer")
    added = data.get("added_tokens") or []
    when = {token["normalized"] for token in added if not token["special"]}
    known = (
        model.get("type", "BPE") == "BPE"
        and "merges" in model
        and not any(map(model.get, ("dropout", "byte_fallback", *WORD_MARKS)))
        and not any(token[flag] for token in added for flag in TRIMS)
        and normalizer in (None, {"type": "NFC"})
        and (when <= {False} if normalizer else len(when) < 2)
        and (
            not model.get("unk_token") or pretokens.BYTE_OF.keys() <= {*model["vocab"]}
        )
    )
    return _pattern(data.get("pre_tokenizer") or {}) if known else None


def _pattern(settings: Mapping[str, Any]) -> str | None:
    """The cut that a pre-tokenizer's settings describe, if we know it."""
    *before, level = settings.get("pretokenizers", [settings])
    if level.get("type") != "ByteLevel" or level.get("add_prefix_space", True):
        return None
    match [step["type"] for step in before], level.get("use_regex", True):
        case [], True:
            return pretokens.GPT2_PATTERN
        case ["Digits"], True if before[0]["individual_digits"]:
            return pretokens.SMOLLM2_PATTERN
        case ["Split"], False:
            return _split_pattern(before[0])
    return None


def _split_pattern(step: Mapping[str, Any]) -> str | None:
    pattern = step["pattern"].get("Regex", "")
    known = step["behavior"] == "Isolated" and not step["invert"]
    if not known or not pattern or READ_OTHERWISE.search(pattern):
        return None
    try:
        found = pretokens.compile_cut(pattern).findall(PROBE)
    except ValueError:
        return None
    return None if "" in found else pattern  # the library cuts at empty matches
