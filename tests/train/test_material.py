"""Documents become ids once, and what is too little is one sentence."""

import dataclasses

import numpy as np
import pytest
from small_training import SHAPE

from insidegpt.train.loop import TrainConfig
from insidegpt.train.material import END, halves, material
from insidegpt.train.recipe import Recipe, Source
from insidegpt.train.run import prepare

TEXTS = [f"The number {n} is followed by {n + 1}, as ever." for n in range(200)]


def recipe_of(text, vocab_size=300):
    source = Source(str(text), vocab_size=vocab_size, context_tokens=16, rows=4)
    model = dataclasses.replace(SHAPE, vocab_size=vocab_size)
    return Recipe(source, model, TrainConfig(4))


def test_ids_are_the_documents_with_an_end_after_each_and_made_once(tmp_path):
    for n, text in enumerate(TEXTS):
        (tmp_path / f"{n:03}.txt").write_text(text)
    out = tmp_path / "out"
    tokenizer, tokens, held_out = material(recipe_of(tmp_path), out)
    said = [tokenizer.decode(ids.tolist()).split(END) for ids in (tokens, held_out)]
    assert [texts.pop() for texts in said] == ["", ""]
    assert sorted(said[0] + said[1]) == sorted(TEXTS) and len(said[1]) == 4
    written = (out / "tokens.npy").stat().st_mtime_ns
    again = material(recipe_of(tmp_path), out)
    assert again[0] == tokenizer and np.array_equal(again[1], tokens)
    assert (out / "tokens.npy").stat().st_mtime_ns == written


def test_few_documents_are_cut_by_letters_and_many_by_documents():
    assert halves(["abcdefghij"], 0.2, 0) == (["abcdefgh"], ["ij"])
    learned, measured = halves(TEXTS, 0.02, 0)
    assert len(measured) == 4 and sorted(learned + measured) == sorted(TEXTS)
    assert halves(TEXTS, 0.02, 1)[1] != measured


@pytest.mark.parametrize(
    ("text", "vocab_size", "sentence"),
    [
        ("a", 259, "too short for a context"),
        ("", 259, "holds no text"),
        ("again " * 200, 300, "gives 2.. tokens and not 300"),
    ],
)
def test_too_little_text_is_one_sentence(tmp_path, text, vocab_size, sentence):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(ValueError, match=sentence):
        prepare(recipe_of(tmp_path / "a.txt", vocab_size), tmp_path / "out")
