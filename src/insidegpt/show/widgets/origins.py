"""The view of a summary's sentences beside those of the text that they draw on."""

import html
from collections.abc import Mapping, Sequence

from insidegpt.apply.facts import UNIMPORTANT, new_words, words_of
from insidegpt.apply.sources import sentences_of
from insidegpt.show.view import View

SHARE, MOST = 0.34, 3  # of a sentence's words, and how many sentences are named


def origins_view(
    text: str,
    summaries: Mapping[str, str],
    *,
    begin: int = 0,
    title: str,
    caption: str,
    alt: str,
) -> View:
    """A text with several summaries, of which readers choose a sentence.

    summaries: by the names that readers see. begin: which of them is shown first.
    """
    source = sentences_of(text)
    told = [
        {
            "name": name,
            "sentences": [
                {"words": marked(sentence, text), "from": origins(sentence, source)}
                for sentence in sentences_of(summary)
            ],
        }
        for name, summary in summaries.items()
    ]
    listed = "".join(
        f"<p><b>{html.escape(name)}</b> {html.escape(summary)}</p>"
        for name, summary in summaries.items()
    )
    data = {"text": source, "summaries": told, "begin": begin}
    words = {"title": title, "caption": caption, "alt": alt}
    return View("origins", data, fallback=listed, **words)


def marked(sentence: str, text: str) -> list[list]:
    """The words of a sentence, each with whether the text lacks it."""
    return [[word, bool(new_words(word, text))] for word in sentence.split()]


def origins(sentence: str, source: Sequence[str]) -> list[int]:
    """Places of the sentences that have most of this one's important words.

    Each must have a third of them, and two at least; the first has most.
    """
    wanted = _important(sentence)
    shared = [len(wanted & _important(other)) for other in source]
    enough = max(2, SHARE * len(wanted))
    places = sorted(range(len(source)), key=lambda n: -shared[n])
    return [n for n in places if shared[n] >= enough][:MOST]


def _important(text: str) -> set[str]:
    return {word[:4] for word in words_of(text)} - UNIMPORTANT - set(".!?")
