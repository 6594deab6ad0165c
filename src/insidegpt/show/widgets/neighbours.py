"""The view of nearest neighbours: a reader's word, and the rows that point its way."""

import base64
import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch.nn.functional as F
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from insidegpt.show import plots
from insidegpt.show.view import View

NEAREST = 8  # neighbours that are kept of each word
WORD = re.compile(r" [A-Za-z]{2,}")  # a token that begins a word, and may be all of it
FIRST = 35  # a cosine's code for nought: characters that need no escape in JSON


def nearest_words(
    table: Float[Tensor, "V C"], names: Sequence[str], ids: Sequence[int], among: int
) -> tuple[list[list[tuple[int, float]]], list[float]]:
    """For each id the nearest words and their cosines, and its mean cosine to all.

    Compared are the ``among`` commonest tokens that begin a word, and each word once:
    neither other spellings of the word itself nor those of a neighbour already found.
    """
    words = [i for i, name in enumerate(names) if WORD.fullmatch(name)][:among]
    rows = F.normalize(table[words], dim=-1)
    found, means = [], []
    for start in range(0, len(ids), 512):
        asked = F.normalize(table[list(ids[start : start + 512])], dim=-1)
        cosines = asked @ rows.T  # (some, words)
        means += cosines.mean(1).tolist()
        best = cosines.topk(min(5 * NEAREST, len(words)))
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        for row, (places, values) in enumerate(pairs):
            near: dict[str, tuple[int, float]] = {}
            own = names[ids[start + row]].lower()
            for place, value in zip(places, values, strict=True):
                spelling = names[words[place]].lower()
                if spelling != own:
                    near.setdefault(spelling, (words[place], value))
            found.append(list(near.values())[:NEAREST])
    return found, means


def neighbours_view(
    table: Float[Tensor, "V C"],
    names: Sequence[str],
    *,
    word: str,
    offers: Sequence[str] = (),
    also: Sequence[str] = (),
    keep: int = 4500,
    among: int = 16_000,
    title: str,
    caption: str,
    alt: str,
) -> View:
    """Type a word, see its neighbours, go to theirs.

    names: the text of every token. keep: of how many words, those with the lowest ids,
    the neighbours are stored; also: of which others, if they are one token. among: how
    many are compared. offers: words to begin with. ValueError if ``word`` is not kept.
    """
    place = {name: i for i, name in reversed(list(enumerate(names)))}
    ids = [i for i, name in enumerate(names) if WORD.fullmatch(name)][:keep]
    ids = list(dict.fromkeys(ids + [place[f" {w}"] for w in also if f" {w}" in place]))
    if place.get(f" {word}") not in ids:
        raise ValueError(f"{word!r} is not one of the {len(ids)} words that are kept.")
    found, means = nearest_words(table, names, ids, among)
    others = {i for near in found for i, _ in near} - set(ids)
    order = [*ids, *sorted(others)]  # words with neighbours first
    spot = {i: n for n, i in enumerate(order)}
    first = ids.index(place[f" {word}"])

    def bars(ax: Axes) -> None:
        texts = [names[i].strip() for i, _ in found[first]]
        lengths = [cosine for _, cosine in found[first]]
        ax.barh(texts, lengths, color=plots.TOKEN, height=0.6)
        ax.axvline(means[first], color=plots.MUTED, lw=1)
        ax.set(xlim=(0, 1), xlabel=f"cosine to “{word}”")
        ax.invert_yaxis()

    fallback, _ = plots.pictures(bars, alt=alt, height=260, narrow_height=260)
    near = np.array([[spot[i] for i, _ in row] for row in found], dtype="<u2")
    data = {"word": word, "offers": list(offers), "count": len(ids)}
    data["words"] = " ".join(names[i].strip() for i in order)
    data["near"] = base64.b64encode(near.tobytes()).decode()
    data["cosines"] = "".join(steps([c for _, c in row]) for row in found)
    data["means"] = "".join(steps([mean]) for mean in means)
    words = {"title": title, "caption": caption, "alt": alt, "fallback": fallback}
    return View("neighbours", data, **words)


def steps(cosines: Sequence[float]) -> str:
    """Falling cosines in hundredths as characters: 1 less the first, then each fall."""
    hundredths = [100, *(max(0, round(100 * c)) for c in cosines)]
    return "".join(chr(FIRST + a - b) for a, b in pairwise(hundredths))
