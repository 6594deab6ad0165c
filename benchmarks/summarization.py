"""Summaries of the course's texts by SmolLM2: prompts, seeds, long texts in pieces.

    python benchmarks/summarization.py src/insidegpt/show/records/summarization.json

Shown on applications/summarization, which scores what is stored here. Every prompt is
tried on four texts set aside (part "dev"). The one with the best ROUGE-1 there is
chosen, and the next three serve to check what is found with it. The extract is the best
there is: of all triples of sentences, the one with the highest ROUGE-1, for which one
has to know the reference. About a quarter of an hour on one core.
"""

import json
import sys
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

import click
import torch
from rouge_score.rouge_scorer import RougeScorer

import insidegpt
from insidegpt.apply.sources import Source, load_sources, pieces, sentences_of
from insidegpt.apply.summarize import ask_summary, tidy, write_all
from insidegpt.fast.choose import load_fastest
from insidegpt.infer.sampling import GREEDY, Sampling

COMMAND = (
    "python benchmarks/summarization.py src/insidegpt/show/records/summarization.json"
)
EXAMPLE = (  # shown first, where a prompt is tried with an example
    "The swimming pool in Tolm is closed until 9 June. On Monday the life guard found "
    "glass in the large basin, and all 600 cubic metres of water have to be let out. "
    "Who broke the window above it isn't known. The pool's director, Ada Brink, says "
    "that season tickets will be valid for three weeks longer. The sauna is open.",
    "Tolm's swimming pool is closed until 9 June because there is broken glass in the "
    "water. Season tickets are valid for three weeks longer.",
)
THREE = (  # both are system messages of the data on which SmolLM2 learned to summarise
    "Provide a concise, objective summary of the input text in up to three sentences, "
    "focusing on key actions and intentions without using second or third person "
    "pronouns."
)
ONE = (
    "Extract and present the main key point of the input text in one very short "
    "sentence, including essential details like dates or locations if necessary."
)
PROMPTS = {  # name: prompt, and what goes before it
    "plain": {"prompt": "Summarize the following text:\n\n{text}"},
    "asked last": {"prompt": "{text}\n\nSummarize this text in two sentences."},
    "tl;dr": {"prompt": "{text}\n\nTL;DR:"},
    "keep details": {
        "prompt": "Summarize the text below in at most 40 words. Keep names, dates and "
        "numbers.\n\n{text}"
    },
    "with an example": {
        "prompt": "Summarize the following text in two sentences:\n\n{text}",
        "example": EXAMPLE,
    },
    "three sentences": {"prompt": "{text}", "system": THREE},
    "one sentence": {"prompt": "{text}", "system": ONE},
}
SEEDS = (0, 1)
PIECE_WORDS = (150, 300)


class Writer:
    """A model that answers many requests."""

    def __init__(self, model, tokenizer) -> None:
        self.model, self.tokenizer = model, tokenizer

    def __call__(
        self, texts: Sequence[str], name: str, sampling: Sampling = GREEDY, **more
    ) -> list[str]:
        talks = [ask_summary(text, **PROMPTS[name]) for text in texts]
        print(f"{name}: {len(texts)} texts", file=sys.stderr, flush=True)
        settings = {"max_new_tokens": 100} | more
        return write_all(
            self.model, self.tokenizer, talks, sampling=sampling, **settings
        )


def by_name(sources: Sequence[Source], summaries: Sequence[str]) -> dict[str, str]:
    return {s.name: text for s, text in zip(sources, summaries, strict=True)}


def in_pieces(write: Writer, source: Source, words: int, name: str) -> dict:
    """A long text's pieces, the summary of each, and a summary of these."""
    parts = list(pieces(source.text, max_words=words))
    notes = write(parts, name)
    (whole,) = write(["\n".join(notes)], name, max_new_tokens=200)
    return {"pieces": len(parts), "notes": notes, "reduced": whole}


def score(source: Source, summary: str) -> float:
    """ROUGE-1."""
    scorer = RougeScorer(["rouge1"], use_stemmer=True)
    return scorer.score(source.reference, summary)["rouge1"].fmeasure


def in_order(dev: dict[str, dict[str, str]]) -> list[str]:
    """The prompts, that with the best ROUGE-1 on the texts set aside first."""
    sources = load_sources("dev")

    def total(name: str) -> float:
        return sum(score(s, tidy(dev[name][s.name])) for s in sources)

    return sorted(dev, key=total, reverse=True)


def best_extract(source: Source) -> str:
    """The three sentences that are nearest to the reference."""
    triples = combinations(sentences_of(source.text), 3)
    return max((" ".join(t) for t in triples), key=lambda t: score(source, t))


def sections(tokenizer, found: dict) -> dict[str, Callable[[], object]]:
    """What is measured, in the order in which it is."""
    write = Writer(load_fastest(bits=4), tokenizer)
    dev, test, long = (load_sources(part) for part in ("dev", "test", "long"))
    texts = [source.text for source in test]

    def each_prompt(sources: list[Source], names: Sequence[str]) -> dict:
        asked = [source.text for source in sources]
        return {name: by_name(sources, write(asked, name)) for name in names}

    def whole(source: Source, name: str) -> str:
        return write([source.text], name, max_new_tokens=200)[0]

    def drawn(seed: int) -> dict:
        return by_name(test, write(texts, found["order"][0], Sampling(0.7, seed=seed)))

    return {
        "dev": lambda: each_prompt(dev, list(PROMPTS)),
        "order": lambda: in_order(found["dev"]),
        "test": lambda: each_prompt(test, found["order"][:4]),
        "extract": lambda: by_name(test, [best_extract(s) for s in test]),
        "long": lambda: {
            name: {
                source.name: {
                    "whole": whole(source, name),
                    "pieces": [in_pieces(write, source, n, name) for n in PIECE_WORDS],
                }
                for source in long
            }
            for name in found["order"][:2]
        },
        "drawn": lambda: [drawn(seed) for seed in SEEDS],
    }


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--only", help="One section, such as dev.")
def main(file: Path, only: str | None) -> None:
    """Add to FILE the sections that it doesn't hold yet."""
    torch.set_num_threads(1)
    found = json.loads(file.read_text("utf-8")) if file.exists() else {}
    found |= {"command": COMMAND, "prompts": PROMPTS}
    for name, make in sections(insidegpt.load_tokenizer(), found).items():
        if name not in found and only in (None, name):
            found[name] = make()
            file.write_text(json.dumps(found, ensure_ascii=False, indent=1), "utf-8")


if __name__ == "__main__":
    main()
