"""Summaries: by taking sentences, by a chat model, and of texts in pieces.

With the texts and references that were written for the course. Page:
applications/summarization.
"""

import json
import random
import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from itertools import combinations
from math import log
from typing import NamedTuple

import numpy as np

from insidegpt.apply.facts import NUMBERS, Fact, plain
from insidegpt.infer.batching import Batcher
from insidegpt.infer.sampling import GREEDY, Sampling
from insidegpt.model.interface import Model
from insidegpt.text.chat import Message, encode_chat
from insidegpt.text.interface import Tokenizer


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


def sentences(text: str) -> list[str]:
    """The sentences of a text; a line ends one, too. Who sends an e-mail is none."""
    found: list[str] = []
    for line in text.split("\n"):
        if not line.strip() or line.startswith("From:"):
            continue
        pieces = re.split(r'(?<=[.!?])\s+|(?<=[.!?]["”])\s+', line.strip())
        if re.fullmatch(r"\d+\.", pieces[0]):  # "3. Water." in minutes
            pieces[:2] = [" ".join(pieces[:2])]
        found += pieces
    return found


# By taking sentences


def lead(text: str, count: int = 3) -> str:
    """The first sentences: hard to beat where a text begins with its point."""
    return " ".join(sentences(text)[:count])


def some(text: str, count: int = 3, *, seed: int = 0) -> str:
    """Sentences drawn by lot, in the order of the text."""
    all_of_them = sentences(text)
    count = min(count, len(all_of_them))
    places = random.Random(f"{seed} {text}").sample(range(len(all_of_them)), count)
    return " ".join(all_of_them[n] for n in sorted(places))


def textrank(text: str, count: int = 3) -> str:
    """The sentences that share most with others that share much, in their order.

    Mihalcea and Tarau 2004: PageRank on a graph of sentences. Deviation: words are
    compared as they are, without a tagger that would leave only nouns and adjectives.
    """
    all_of_them = sentences(text)
    best = np.argsort(-rank(overlaps(all_of_them)), kind="stable")[:count]
    return " ".join(all_of_them[n] for n in sorted(best))


def overlaps(texts: Sequence[str]) -> np.ndarray:
    """How many words two sentences share, for their lengths; (N, N), 0 with itself."""
    bags = [set(plain(text)) - set(".!?") for text in texts]
    found = np.zeros((len(bags), len(bags)))
    for a, b in combinations(range(len(bags)), 2):
        length = log(max(len(bags[a]), 1)) + log(max(len(bags[b]), 1))
        if length > 0:
            found[a, b] = found[b, a] = len(bags[a] & bags[b]) / length
    return found


def rank(weights: np.ndarray, *, damping: float = 0.85, rounds: int = 50) -> np.ndarray:
    """PageRank of nodes: each passes its score on along its edges, by their weight."""
    passed = weights / np.maximum(weights.sum(1, keepdims=True), 1e-12)
    score = np.full(len(weights), 1 / max(len(weights), 1))
    for _ in range(rounds):
        score = (1 - damping) / len(weights) + damping * score @ passed
    return score


# By a chat model


def write_all(
    model: Model,
    tokenizer: Tokenizer,
    talks: Sequence[Sequence[Message]],
    *,
    max_new_tokens: int = 100,
    sampling: Sampling = GREEDY,
    slots: int = 8,
) -> list[str]:
    """The model's answers to conversations, several of them at once."""
    batcher = Batcher(model, slots=slots)
    prompts = [encode_chat(tokenizer, talk) for talk in talks]
    stop = tokenizer.end_ids
    jobs = [
        batcher.submit(
            ids, max_new_tokens=max_new_tokens, sampling=sampling, stop_ids=stop
        )
        for ids in prompts
    ]
    while batcher.busy:
        batcher.step()
    return [
        tokenizer.decode(job.ids[len(ids) :]).strip()
        for job, ids in zip(jobs, prompts, strict=True)
    ]


def request(
    text: str,
    prompt: str,
    *,
    system: str | None = None,
    example: tuple[str, str] | None = None,
) -> list[Message]:
    """A conversation that asks for a summary; ``{text}`` in the prompt is the text.

    example: a text and its summary, shown first as if they had been asked and answered.
    """
    talk: list[Message] = [{"role": "system", "content": system}] if system else []
    if example:
        said: Message = {"role": "assistant", "content": example[1]}
        talk += [*request(example[0], prompt), said]
    return [*talk, {"role": "user", "content": prompt.replace("{text}", text)}]


def tidy(written: str, count: int = 3) -> str:
    """The first sentences that a model wrote, without repeats and a broken-off end."""
    whole = [s for s in sentences(written) if re.search(r"[.!?][\"”)]?$", s)]
    return " ".join(list(dict.fromkeys(whole))[:count])


def pieces(text: str, *, max_words: int = 250) -> Iterator[str]:
    """A text in pieces of whole paragraphs; one that is longer is a piece by itself."""
    piece: list[str] = []
    for paragraph in text.split("\n"):
        if piece and sum(len(p.split()) for p in (*piece, paragraph)) > max_words:
            yield "\n".join(piece)
            piece = []
        piece.append(paragraph)
    yield "\n".join(piece)


# What can be asked of a summary


def copied(summary: str, text: str, n: int = 4) -> float:
    """The share of the summary's runs of n words that are in the text."""
    said = [token for token in plain(summary) if token not in ".!?"]
    source = [token for token in plain(text) if token not in ".!?"]
    there = {tuple(source[i : i + n]) for i in range(len(source) - n + 1)}
    runs = [tuple(said[i : i + n]) for i in range(len(said) - n + 1)]
    return sum(run in there for run in runs) / len(runs) if runs else 0.0


def swap_numbers(summary: str) -> str | None:
    """A lie: two numbers of a summary change places, those nearest in size.

    None if there aren't two different ones.
    """
    words = "|".join(NUMBERS)
    number = rf"\b(?:\d[\d,.:]*\d|\d)(?:st|nd|rd|th)?\b|\b(?:{words})\b"
    spans = list(re.finditer(number, summary))
    values = [float(re.sub(r"\D", ".", plain(s[0])[0])) for s in spans]
    pairs = [
        p for p in combinations(range(len(spans)), 2) if values[p[0]] != values[p[1]]
    ]
    if not pairs:
        return None
    a, b = min(pairs, key=lambda p: abs(log(values[p[0]] / values[p[1]])))
    one, two = spans[a], spans[b]
    between = summary[one.end() : two.start()]
    return summary[: one.start()] + two[0] + between + one[0] + summary[two.end() :]
