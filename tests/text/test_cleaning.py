"""Prose is told from rubbish, and MinHash estimates the similarity that sets have."""

import random

import numpy as np
import pytest

from insidegpt.text.cleaning import (
    clean,
    is_prose,
    minhash,
    shingles,
    similarity,
    without_copies,
)

TEXT = (
    "The harbour freezes in January, and the boats stay on land until the ice of the "
    "bay has gone and the first ferry comes in from the islands."
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEXT, True),
        ("What does it cost? It is nine euros and a half.", True),
        ("harbour ice ferry cheap tickets boats islands.", False),  # key words
        ("Home | Shop | Cart | Login | Help | About.", False),
        ("The boats are in the bay and the ice is", False),  # no end
        ("The ice. " + "is it of the " * 20 + ".", False),  # the same again and again
        ("", False),
    ],
)
def test_prose(text, expected):
    assert is_prose(text) is expected


def test_similarity_by_hand():
    """Four shingles each, of which the first two are shared: 2 of 6."""
    one, other = "a b c d e f g h", "a b c d e f x y"
    assert shingles(one) == {"a b c d e", "b c d e f", "c d e f g", "d e f g h"}
    assert similarity(one, other) == pytest.approx(2 / 6)
    assert shingles("only three words") == {"only three words"}


@pytest.mark.parametrize("shared", [0, 10, 20, 30, 40])
def test_marks_agree_as_often_as_shingles_are_shared(shared):
    """2,000 orders: an estimate's standard error is at most 0.012; four are allowed."""
    words = [f"w{n}" for n in range(100)]
    one = " ".join(words[:44])
    other = " ".join(words[44 - 4 - shared : 44 - 4 - shared + 44])
    agree = (minhash(one, 2000) == minhash(other, 2000)).mean()
    assert abs(agree - similarity(one, other)) < 0.045


def test_marks_are_those_of_every_process():
    assert minhash("a b c d e f g", 3).tolist() == [145424215, 964879248, 975505016]


def test_near_copies_go_and_the_first_of_them_stays():
    draw = random.Random(0)
    texts = [" ".join(draw.choices(TEXT.split(), k=40)) for _ in range(30)]
    copies = [f"{text} With a new end." for text in texts[:10]]
    assert without_copies(texts + copies) == list(range(30))
    assert without_copies(texts + copies, at_least=1.0) == list(range(40))
    assert clean([TEXT, "Home | Cart", TEXT]) == [TEXT]
    assert clean([TEXT, "Home | Cart", TEXT], copies=False) == [TEXT, TEXT]
    assert clean(["Home", "Home"], prose=False) == ["Home"]
    assert without_copies([]) == []


def test_a_pair_of_similarity_one_half_meets_in_a_band_as_often_as_the_formula_says():
    """1 - (1 - 0.5^4)^16 = 0.64; 300 pairs, a standard error of 0.028."""
    met = 0
    for n in range(300):
        one = " ".join(f"a{n}.{k}" for k in range(34))  # 30 shingles, 20 are shared
        other = " ".join([*one.split()[:24], *(f"b{n}.{k}" for k in range(10))])
        marks = [minhash(t).reshape(16, 4) for t in (one, other)]
        met += bool(np.any((marks[0] == marks[1]).all(1)))
    assert similarity(one, other) == pytest.approx(0.5)
    assert abs(met / 300 - 0.64) < 0.1
