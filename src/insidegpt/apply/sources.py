"""Texts to summarise, written for the course, with references and key facts.

News, e-mails, reviews, minutes, instructions, lives, abstracts and conversations.
People and places are invented. Page: applications/summarization.
"""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import NamedTuple

from insidegpt.apply.facts import Fact

SENTENCE_END = r'(?:(?<=[.!?])|(?<=[.!?]["”]))(?<!Mr\.)(?<!Ms\.)(?<!Mrs\.)(?<!Dr\.)\s+'


class Source(NamedTuple):
    """A text to summarise, and what is known of it."""

    name: str
    kind: str
    part: str  # "dev": prompts were chosen on it; "test"; "long"
    point_first: bool  # whether its point is in its first sentences, as its author says
    text: str
    reference: str
    facts: list[Fact]  # what a good summary has
    paraphrase: str | None = None  # the reference in other words; none of long texts


def load_sources(part: str) -> list[Source]:
    """The texts of a part: "dev", "test" or "long"."""
    folder = files("insidegpt.apply") / "texts"
    rows = json.loads((folder / "summaries.json").read_text("utf-8"))
    found = []
    for row in rows:
        facts = [Fact(**fact) for fact in row.pop("facts")]
        found.append(Source(facts=facts, **row))
    return [source for source in found if source.part == part]


def sentences_of(text: str) -> list[str]:
    """The sentences of a text; a line ends one, too. Who sends an e-mail is none."""
    found: list[str] = []
    for line in text.split("\n"):
        if not line.strip() or line.startswith("From:"):
            continue
        pieces = re.split(SENTENCE_END, line.strip())
        if re.fullmatch(r"\d+\.", pieces[0]):  # "3. Water." in minutes
            pieces[:2] = [" ".join(pieces[:2])]
        found += pieces
    return found


def pieces(text: str, *, max_words: int = 250) -> Iterator[str]:
    """A text in pieces of whole paragraphs; one that is longer is a piece by itself."""
    piece: list[str] = []
    for paragraph in text.split("\n"):
        if piece and sum(len(p.split()) for p in (*piece, paragraph)) > max_words:
            yield "\n".join(piece)
            piece = []
        piece.append(paragraph)
    yield "\n".join(piece)
