"""From what a recipe names to ids: documents, a tokenizer of them, and two halves.

Page: code/pretraining.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from insidegpt.text import bpe
from insidegpt.text.batches import load_tokens, save_tokens, tokenize
from insidegpt.text.corpus import docstrings, read_texts
from insidegpt.text.interface import Tokenizer
from insidegpt.text.vocab import load_tokenizer, save_tokenizer
from insidegpt.text.world.dialogues import transcripts, write_dialogues
from insidegpt.text.world.documents import write_documents
from insidegpt.text.world.facts import World, build_world, split_subjects
from insidegpt.train.recipe import Recipe

END = "<|endoftext|>"
TURN = ("<|im_start|>", "<|im_end|>")  # of ChatML
TALKS = 3000
FEW = 50  # documents; fewer are held out by their letters


def material(
    recipe: Recipe, directory: Path
) -> tuple[Tokenizer, np.ndarray, np.ndarray]:
    """The tokenizer, and the ids to learn from and to measure on; made once."""
    paths = [directory / f"{name}.npy" for name in ("tokens", "held_out")]
    if all(path.exists() for path in paths):  # written last
        return load_tokenizer(directory), *map(load_tokens, paths)
    learned, measured = halves(documents(recipe), recipe.source.held_out, recipe.seed)
    spoken = talks_of(world_of(recipe)) if recipe.source.text == "world" else []
    tokenizer = learn_tokenizer([*learned, *spoken], recipe.source.vocab_size)
    save_tokenizer(tokenizer, directory)
    for path, texts in zip(paths, (learned, measured), strict=True):
        save_tokens(tokenize(tokenizer, texts, end=tokenizer.special[END]), path)
    return tokenizer, *map(load_tokens, paths)


def documents(recipe: Recipe) -> list[str]:
    """The texts that a recipe names."""
    source = recipe.source
    if source.text == "world":
        return write_documents(world_of(recipe), recipe.seed)
    if source.text == "docstrings":
        return docstrings(source.packages)
    return read_texts(source.text)


def world_of(recipe: Recipe) -> World:
    """The world that a recipe is about, if its text is the world."""
    return build_world(recipe.seed, people=recipe.source.people)


def talks_of(world: World) -> list[str]:
    """Conversations that a vocabulary should be fit for, though they come later."""
    subjects, *_ = split_subjects(world.subjects + world.strangers)
    return transcripts(write_dialogues(world, subjects, count=TALKS, unknown=0.2))


def halves(
    texts: Sequence[str], share: float, seed: int
) -> tuple[list[str], list[str]]:
    """Shuffled documents to learn from, and the last share of them to measure on.

    Where there are only a few, the last letters of all together are held out.
    """
    order = np.random.default_rng(seed).permutation(len(texts))
    if len(texts) >= FEW:
        shuffled = [texts[n] for n in order]
        cut = len(texts) - max(1, round(share * len(texts)))
        return shuffled[:cut], shuffled[cut:]
    whole = "\n\n".join(texts)
    cut = len(whole) - max(1, round(share * len(whole)))
    return [whole[:cut]], [whole[cut:]]


def learn_tokenizer(texts: Sequence[str], size: int) -> Tokenizer:
    """A vocabulary of these texts. One token stands between documents, and two are
    there for conversations that may come later.
    """
    special = [END, *TURN]
    tokenizer = bpe.train(texts, vocab_size=size, special_tokens=special)
    if tokenizer.vocab_size < size:
        raise ValueError(
            f"The text repeats itself so much that it gives {tokenizer.vocab_size} "
            f"tokens and not {size}: lower source.vocab_size, or give more text."
        )
    begin, end = tokenizer.special[END], tokenizer.special[TURN[1]]
    names = {"bos_token": END, "begin_ids": (begin,), "end_ids": (begin, end)}
    return dataclasses.replace(tokenizer, **names)
