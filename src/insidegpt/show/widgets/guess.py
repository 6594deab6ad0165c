"""The view of Shannon's guessing game: sentences to guess, and how models did."""

import html
from collections.abc import Mapping, Sequence

from insidegpt.show.view import View
from insidegpt.text.letters import ALPHABET


def guess_view(
    sentences: Sequence[str],
    played: Mapping[str, Sequence[Sequence[int]]],
    *,
    given: int,
    columns: Sequence[str],
    title: str,
    caption: str,
    alt: str,
) -> View:
    """Sentences whose first ``given`` letters are shown.

    played: by a model's name, the guess number of each letter of each sentence.
    columns: three names whose numbers are also shown below each letter. ValueError
    where a model has not played all letters, or a sentence isn't of 27 letters.
    """
    for sentence in sentences:
        if set(sentence) - set(ALPHABET) or len(sentence) <= given:
            raise ValueError(f"{sentence!r} is too short, or not in small letters.")
    lengths = [len(sentence) for sentence in sentences]
    for name, rows in played.items():
        if [len(row) for row in rows] != lengths:
            raise ValueError(f"{name} has not guessed every letter of every sentence.")
    names = list(played)
    data = {
        "sentences": list(sentences),
        "given": given,
        "models": [
            {"name": name, "guesses": [list(row) for row in rows]}
            for name, rows in played.items()
        ],
        "columns": [names.index(name) for name in columns],
    }
    begin = html.escape(sentences[0][:given])
    fallback = f"<p>{begin}…</p><p>What comes next?</p>"
    words = {"title": title, "caption": caption, "alt": alt, "fallback": fallback}
    return View("guess", data, **words)
