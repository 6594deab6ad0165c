"""27 letters: what they leave of a text, and that numbers lead back to it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insidegpt.text.letters import ALPHABET, letters, to_ids, to_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The weather, today: is fine!", "the weather today is fine"),
        ("  Café Ångström\n\t2024-05 ", "cafe angstrom"),
        ("don't `x_1`", "don t x"),
        ("ﬁne print, \u4f60\u597d", "fine print"),  # a ligature, and no letters of ours
        ("123 !?", ""),
    ],
)
def test_a_text_keeps_its_letters_and_one_space_between_words(text, expected):
    assert letters(text) == expected


def test_the_numbers_of_three_letters():
    """A space is 0, a is 1 and z is 26."""
    assert to_ids("a z").tolist() == [1, 0, 26]


@given(st.text())
def test_any_text_comes_down_to_the_alphabet_and_stays_so(text):
    plain = letters(text)
    assert set(plain) <= set(ALPHABET) and "  " not in plain
    assert letters(plain) == plain
    assert to_text(to_ids(plain)) == plain


def test_other_signs_and_numbers_are_named():
    with pytest.raises(ValueError, match="'E' is none of the 27"):
        to_ids("E")
    with pytest.raises(ValueError, match="0 to 26"):
        to_text(np.array([3, 27]))
