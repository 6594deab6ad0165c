"""Tokenizers of other kinds, as the ``tokenizers`` library runs them.

Sentencepiece (Llama 2, Mistral), unigram, WordPiece: one interface, not our source.
Page: algorithm/tokenization.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import regex
import tokenizers
from tokenizers import AddedToken, decoders, models, normalizers

from insidegpt.text.interface import check_token, utf8
from insidegpt.text.pretokens import BYTE_OF, name_pattern

# GGUF's token types.
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)

BYTE_NAME = regex.compile("<0x([0-9A-F]{2})>")  # sentencepiece's name of a single byte
SPACE = "▁"  # and its letter for a space


@dataclass(frozen=True)
class LibraryTokenizer:
    """What a ``tokenizer.json`` says, whatever its kind."""

    json: str  # the whole file
    chat_template: str | None = None  # see interface.Tokenizer for these
    bos_token: str | None = None  # a name for the template; begin_ids say if it is used
    begin_ids: tuple[int, ...] = ()
    end_ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _ = self._library  # errors come now, not in encode

    @cached_property
    def vocab_size(self) -> int:
        """V, special tokens included."""
        return 1 + max(self._library.get_vocab().values(), default=-1)

    @cached_property
    def special(self) -> dict[str, int]:
        """All but the unknown token, which stands for text that has no other."""
        model, names = self._data["model"], self._added.items()
        unknown = model.get("unk_token"), model.get("unk_id")
        return {
            token.content: i
            for i, token in names
            if token.special and token.content not in unknown and i not in unknown
        }

    def encode(self, text: str) -> list[int]:
        """Ids of ``text``. Names of special tokens are text like any other."""
        return self._encode(text, self._library)

    def encode_after(self, text: str) -> list[int]:
        """The same where ``text`` goes on after other tokens: no space is put before
        it if the tokenizer does that at the beginning only."""
        return self._encode(text, self._inside)

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ``ids``, as the library puts it together."""
        ids = list(ids)
        for token in ids:
            check_token(token, self.vocab_size)
        return self._library.decode(ids, skip_special_tokens=False)

    def token_bytes(self, token: int) -> bytes:
        """What one id adds inside a text: a word's space belongs to it."""
        check_token(token, self.vocab_size)
        name = self._library.id_to_token(token) or ""  # an id may be without a token
        steps = self._decoder_steps
        if token in self._added:
            return name.encode()
        if "ByteFallback" in steps and (byte := BYTE_NAME.fullmatch(name)):
            return bytes([int(byte[1], 16)])
        if "ByteLevel" in steps and all(letter in BYTE_OF for letter in name):
            return bytes(BYTE_OF[letter] for letter in name)
        if prefix := steps.get("WordPiece", {}).get("prefix"):
            name = name.removeprefix(prefix) if name.startswith(prefix) else " " + name
        if suffix := steps.get("BPEDecoder", {}).get("suffix"):
            name = name.replace(suffix, " ")
        if "Metaspace" in steps or "Replace" in steps:
            name = name.replace(SPACE, " ")
        return name.encode()

    @cached_property
    def _data(self) -> dict[str, Any]:
        return json.loads(self.json)

    @cached_property
    def _decoder_steps(self) -> dict[str, dict[str, Any]]:
        decoder = self._data.get("decoder") or {}
        return {step.get("type"): step for step in decoder.get("decoders", [decoder])}

    @cached_property
    def _library(self) -> tokenizers.Tokenizer:
        return _open(self.json)

    @cached_property
    def _inside(self) -> tokenizers.Tokenizer:
        text = self._library.to_str()
        return _open(
            text.replace('"prepend_scheme":"first"', '"prepend_scheme":"never"')
        )

    @cached_property
    def _added(self) -> dict[int, tokenizers.AddedToken]:
        return self._library.get_added_tokens_decoder()

    def _encode(self, text: str, library: tokenizers.Tokenizer) -> list[int]:
        utf8(text)  # or a sentence
        special = set(self.special.values())
        ids = _ids(library, text)
        if special.isdisjoint(ids):
            return ids
        # The model has the name of a special token as a word: cut the text inside it.
        names = name_pattern(self.special).finditer(text)
        ends = [0, *(name.start() + 1 for name in names), len(text)]
        parts = [text[start:end] for start, end in pairwise(ends)]
        ids = _ids(library, parts[0])
        for part in parts[1:]:
            ids += _ids(self._inside, part)
        return [token for token in ids if token not in special]


def _ids(library: tokenizers.Tokenizer, text: str) -> list[int]:
    try:
        return library.encode(text, add_special_tokens=False).ids
    except Exception as error:  # the library has no class of its own for it
        raise ValueError(f"The tokenizer can't encode this text: {error}.") from error


def _open(text: str) -> tokenizers.Tokenizer:
    try:
        library = tokenizers.Tokenizer.from_str(text)
    except Exception as error:
        raise ValueError(
            f"the tokenizers library can't read this tokenizer ({error})."
        ) from error
    library.encode_special_tokens = True  # names of special tokens are text
    library.no_truncation()
    library.no_padding()
    return library


def from_scores(
    tokens: Sequence[str],
    scores: Sequence[float],
    kinds: Sequence[int],
    *,
    space_first: bool,
) -> str:
    """``tokenizer.json`` for sentencepiece's BPE as a GGUF stores it.

    scores: of the pairs in a text, that goes first whose whole has the highest.
    kinds: GGUF's token types. space_first: a text begins as if after a space.
    """
    of_kind = defaultdict(list)
    for token, kind in zip(tokens, kinds, strict=True):
        of_kind[kind].append(token)
    ids = {token: i for i, token in enumerate(tokens)}
    words = set(of_kind[NORMAL])
    pairs = [(w[:at], w[at:]) for w in words for at in range(1, len(w))]
    pairs = [pair for pair in pairs if words.issuperset(pair)]
    pairs.sort(key=lambda pair: (-scores[ids["".join(pair)]], -len(pair[0])))
    made = tokenizers.Tokenizer(
        models.BPE(
            vocab=ids,
            merges=pairs,
            unk_token=next(iter(of_kind[UNKNOWN]), None),
            fuse_unk=True,
            byte_fallback=bool(of_kind[BYTE]),
        )
    )
    steps = [normalizers.Prepend(SPACE)] if space_first else []
    made.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", SPACE)])
    steps = [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    steps += [decoders.Strip(" ", 1, 0)] if space_first else []
    made.decoder = decoders.Sequence(steps)
    for kind in (UNKNOWN, CONTROL, USER_DEFINED):
        flags = {"normalized": False, "special": kind != USER_DEFINED}
        made.add_tokens([AddedToken(name, **flags) for name in of_kind[kind]])
    return made.to_str()
