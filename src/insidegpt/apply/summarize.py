"""Summaries: by taking sentences of the text, and by a chat model.

Page: applications/summarization.
"""

import random
import re
from collections.abc import Sequence
from itertools import combinations
from math import log

import numpy as np

from insidegpt.apply.facts import words_of
from insidegpt.apply.sources import sentences_of
from insidegpt.infer.batching import Batcher
from insidegpt.infer.sampling import GREEDY, Sampling
from insidegpt.model.interface import Model
from insidegpt.text.chat import Message, encode_chat
from insidegpt.text.interface import Tokenizer

# By taking sentences


def lead(text: str, count: int = 3) -> str:
    """The first sentences: hard to beat where a text begins with its point."""
    return " ".join(sentences_of(text)[:count])


def draw_sentences(text: str, count: int = 3, *, seed: int = 0) -> str:
    """Sentences drawn by lot, in the order of the text."""
    all_of_them = sentences_of(text)
    count = min(count, len(all_of_them))
    places = random.Random(f"{seed} {text}").sample(range(len(all_of_them)), count)
    return " ".join(all_of_them[n] for n in sorted(places))


def textrank(text: str, count: int = 3) -> str:
    """The sentences that share most with others that share much, in their order.

    Mihalcea and Tarau 2004: PageRank on a graph of sentences. Deviation: words are
    compared as they are, without a tagger that would leave only nouns and adjectives.
    """
    all_of_them = sentences_of(text)
    best = np.argsort(-pagerank(overlaps(all_of_them)), kind="stable")[:count]
    return " ".join(all_of_them[n] for n in sorted(best))


def overlaps(texts: Sequence[str]) -> np.ndarray:
    """How many words two sentences share, for their lengths; (N, N), 0 with itself."""
    bags = [set(words_of(text)) - set(".!?") for text in texts]
    found = np.zeros((len(bags), len(bags)))
    for a, b in combinations(range(len(bags)), 2):
        length = log(max(len(bags[a]), 1)) + log(max(len(bags[b]), 1))
        if length > 0:
            found[a, b] = found[b, a] = len(bags[a] & bags[b]) / length
    return found


def pagerank(
    weights: np.ndarray, *, damping: float = 0.85, rounds: int = 50
) -> np.ndarray:
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


def ask_summary(
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
        talk += [*ask_summary(example[0], prompt), said]
    return [*talk, {"role": "user", "content": prompt.replace("{text}", text)}]


def tidy(written: str, count: int = 3) -> str:
    """The first sentences that a model wrote, without repeats and a broken-off end."""
    whole = [s for s in sentences_of(written) if re.search(r"[.!?][\"”)]?$", s)]
    return " ".join(list(dict.fromkeys(whole))[:count])


# What can be asked of a summary


def copied(summary: str, text: str, n: int = 4) -> float:
    """The share of the summary's runs of n words that are in the text."""
    said = [token for token in words_of(summary) if token not in ".!?"]
    source = [token for token in words_of(text) if token not in ".!?"]
    there = {tuple(source[i : i + n]) for i in range(len(source) - n + 1)}
    runs = [tuple(said[i : i + n]) for i in range(len(said) - n + 1)]
    return sum(run in there for run in runs) / len(runs) if runs else 0.0
