"""The first cut of a text, into pre-tokens, and the letters that write single bytes.

Page: algorithm/tokenization.
"""

from collections.abc import Iterable

import regex

# GPT-2's: contractions, words, numbers, other signs, white space. A space belongs to
# the word after it; of a longer run the last space does.
GPT2_PATTERN = (
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
)

# SmolLM2 takes every digit alone, and each other sign that Unicode calls a number. The
# cut comes first, so a run of white space before a digit stays whole.
SMOLLM2_PATTERN = (
    r"\p{N}|'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+"
)

# Llama 3: numbers by three digits, line ends apart. Qwen 2 and 3: digits alone.
LLAMA3_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2_PATTERN = LLAMA3_PATTERN.replace("{1,3}", "")

# Single bytes take ids in this order: printable ones first, as GPT-2 has them.
PRINTABLE = (*range(33, 127), *range(161, 173), *range(174, 256))
BYTE_ORDER = PRINTABLE + tuple(b for b in range(256) if b not in PRINTABLE)
ALPHABET = tuple(bytes([byte]) for byte in BYTE_ORDER)

# GPT-2's files write bytes as characters: printable ones as themselves, the others,
# in order, as U+0100, U+0101, ...
BYTE_OF = {
    chr(byte) if byte in PRINTABLE else chr(256 + i - len(PRINTABLE)): byte
    for i, byte in enumerate(BYTE_ORDER)
}


def compile_cut(pattern: str) -> regex.Pattern:
    """What finds all pre-tokens: matches, and whatever lies between two of them."""
    try:
        groups = regex.compile(pattern).groups
        cut = regex.compile(rf"{pattern}|(?s:(?!{pattern}).)+")
    except regex.error as error:
        raise ValueError(f"The pattern {pattern!r} can't be used: {error}.") from error
    if groups:
        raise ValueError(f"The pattern {pattern!r} captures a group: write (?:..).")
    return cut


def name_pattern(names: Iterable[str]) -> regex.Pattern:
    """Any of ``names``, the longest first, as a group: ``split`` keeps them."""
    longest_first = sorted(filter(None, names), key=len, reverse=True)
    return regex.compile(f"({'|'.join(map(regex.escape, longest_first))})")
