"""The view of tokens: a text as two tokenizers cut it, and how each piece was merged.

A reader's text is encoded by ``bpe.js``, from vocabularies that a page loads as files.
"""

import base64
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from insidegpt.show import plots
from insidegpt.show.view import View
from insidegpt.text.bpe import BPETokenizer
from insidegpt.text.interface import utf8

TITLES = {"gpt2": "GPT-2", "smollm2": "SmolLM2"}
Traces = list[list[list]]  # of pieces: bytes, ids, merges


def packed(tokenizer: BPETokenizer) -> dict[str, Any]:
    """A tokenizer as ``bpe.js`` takes it: its cut, its bytes, its merges.

    pairs: ids left and right of each merge, 16 bits each, in base 64. The merges' own
    ids follow one another from ``first``. ValueError for a tokenizer with more to it.
    """
    ids = {word: i for i, word in enumerate(tokenizer.vocab)}
    whole = [tokenizer.vocab[a] + tokenizer.vocab[b] for a, b in tokenizer.merges]
    first = ids[whole[0]]
    in_a_row = list(tokenizer.vocab[first : first + len(whole)]) == whole
    if not in_a_row or tokenizer.added or tokenizer.normalize or tokenizer.whole_words:
        raise ValueError("This tokenizer does more than cut and merge.")
    # JavaScript's \s is another set of characters than ours, its \p{White_Space} isn't.
    cut = tokenizer.pattern.replace(r"\s", r"\p{White_Space}")
    lost = tokenizer.missing_bytes
    pairs = np.array(tokenizer.merges, dtype="<u2").tobytes()
    return {
        "cut": cut.replace(r"\S", r"\P{White_Space}"),
        "bytes": [None if b in lost else ids[bytes([b])] for b in range(256)],
        "first": first,
        "pairs": base64.b64encode(pairs).decode(),
    }


def tokens_view(
    tokenizers: Mapping[str, BPETokenizer],
    texts: Mapping[str, str],
    *,
    token: int = 0,
    step: int = 0,
    title: str,
    caption: str,
    alt: str,
) -> View:
    """Type a text, see its tokens, choose one and see which merges made it.

    tokenizers: by the names of their files. texts: by name, to begin with, the first
    shown with ``token`` chosen and ``step`` merges done.
    """
    names = [TITLES.get(name, name) for name in tokenizers]
    ranks = [merge_ranks(tokenizer) for tokenizer in tokenizers.values()]
    pairs = list(zip(tokenizers.values(), ranks, strict=True))
    shown = [
        {"name": name, "text": text, "traces": [trace(*pair, text) for pair in pairs]}
        for name, text in texts.items()
    ]

    def paint(ax: Axes) -> None:
        for row, (name, of) in enumerate(zip(names, tokenizers.values(), strict=True)):
            counts = [len(of.encode(text)) for text in texts.values()]
            places = np.arange(len(counts)) + 0.4 * row
            colour = (plots.TOKEN, plots.MUTED)[row % 2]
            ax.barh(places, counts, 0.36, color=colour)
            ax.text(counts[-1] + 0.3, places[-1], name, va="center", color=colour)
        ax.set_yticks(np.arange(len(texts)) + 0.2, list(texts))
        ax.invert_yaxis()
        ax.set(xlabel="tokens")

    fallback, _ = plots.pictures(paint, alt=alt, height=330, narrow_height=330)
    files = [{"name": TITLES.get(name, name), "file": name} for name in tokenizers]
    sizes = [len(tokenizer.merges) for tokenizer in tokenizers.values()]
    data = {"models": files, "merges": sizes, "texts": shown}
    return View(
        "tokens",
        data | {"token": token, "step": step},
        extra={name: packed(tokenizer) for name, tokenizer in tokenizers.items()},
        title=title,
        caption=caption,
        alt=alt,
        fallback=fallback,
    )


def merge_ranks(tokenizer: BPETokenizer) -> dict[tuple[bytes, bytes], int]:
    """The number of each merge, by the bytes of its two parts."""
    vocab = tokenizer.vocab
    return {(vocab[a], vocab[b]): n for n, (a, b) in enumerate(tokenizer.merges)}


def trace(
    tokenizer: BPETokenizer, ranks: Mapping[tuple[bytes, bytes], int], text: str
) -> Traces:
    """Of each pre-token its bytes, its ids, and place and number of each merge."""
    traces = []
    for piece in tokenizer.pieces(text):
        data = utf8(piece).translate(None, tokenizer.missing_bytes)
        merges = []
        for before, after in pairwise(tokenizer.merge_steps(piece)):
            both = enumerate(zip(before, after, strict=False))
            at = next(i for i, (old, new) in both if old != new)
            merges.append([at, ranks[before[at], before[at + 1]]])
        traces.append([list(data), tokenizer.encode(piece), merges])
    return traces
