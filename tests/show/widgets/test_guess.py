"""The guessing game keeps what its players need, and refuses half-played sentences."""

import pytest
from viewed import WORDS, stored

from insidegpt.show import widgets

SENTENCES = ["the cat sat", "a dog ran"]
PLAYED = {"one": [[1] * 11, [2] * 9], "two": [[3] * 11, [4] * 9]}
SETTINGS = {"given": 4, "columns": ["two"], "title": "T", **WORDS}


def test_sentences_and_guess_numbers_are_kept_and_columns_are_places():
    view = widgets.guess_view(SENTENCES, PLAYED, **SETTINGS)
    data = stored(view)
    assert data["sentences"] == SENTENCES and data["given"] == 4
    assert data["models"][1] == {"name": "two", "guesses": PLAYED["two"]}
    assert data["columns"] == [1]
    assert "the " in view.markup and "cat" not in view.markup  # nothing is given away


def test_a_model_that_has_not_played_every_letter_is_refused():
    with pytest.raises(ValueError, match="two has not guessed every letter"):
        short = PLAYED | {"two": [[3] * 10, [4] * 9]}
        widgets.guess_view(SENTENCES, short, **SETTINGS)


@pytest.mark.parametrize("sentence", ["The cat sat", "the"])
def test_a_sentence_that_cannot_be_played_is_refused(sentence):
    with pytest.raises(ValueError, match="too short, or not in small letters"):
        widgets.guess_view([sentence], {}, **SETTINGS)
