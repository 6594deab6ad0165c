"""Numbers in one form, patterns, and what each check sees and doesn't see."""

import pytest

from insidegpt.apply.facts import (
    Fact,
    foreign_names,
    foreign_numbers,
    matches,
    misplaced_numbers,
    new_words,
    stated,
    swap_numbers,
    unsupported,
    words_of,
)

TEXT = (
    "The ferry stops on 3 March. Its owner, Greta Lund, needs 410,000 euros, and the "
    "twelve sailors of the Marit have seven weeks without work."
)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Twenty-four boats cost €1,200.", "24 boats cost 1200 euros ."),
        ("three hundred and a hundred", "300 and a 100"),
        ("nine thousand, 9000, 9,000", "9000 9000 9000"),
        ("Melk's 21st, at 8:15: 4.5%", "melk 21 at 8:15 4.5 per cent"),
        ("F1, class 6b and no one", "f1 class 6b and no one"),
        ("forty minutes. Two?", "40 minutes . 2 ?"),
        ("two three twenty ten", "2 3 20 10"),
        ("", ""),
    ],
)
def test_words_and_numbers_by_hand(text, tokens):
    assert words_of(text) == tokens.split()


@pytest.mark.parametrize(
    ("pattern", "summary", "found"),
    [
        ("3 march", "on three March", True),
        ("3 march", "on 13 March", False),
        ("12 _ sailors", "twelve of the old sailors", True),
        ("12 _ sailors", "twelve of the very old sailors", False),
        ("12 _ sailors", "There were twelve. Old sailors sang.", False),
        ("sail*", "The sailing club", True),
        ("sail", "The sailing club", False),
        ("410000 euro*", "It costs €410,000.", True),
    ],
)
def test_a_pattern_matches_whole_words_in_one_sentence(pattern, summary, found):
    assert matches(pattern, summary) is found


def test_a_fact_is_stated_by_any_of_its_patterns():
    facts = [Fact("When?", ["3 march", "march 3"]), Fact("How many?", ["12 sailors"])]
    assert stated("It ends on March 3rd.", facts) == [True, False]


def test_what_the_text_lacks_is_foreign_however_it_is_written():
    assert foreign_numbers("410,000 euros, 12 sailors, seven weeks", TEXT) == []
    assert foreign_numbers("On 4 March, 410 euros", TEXT) == ["4", "410"]
    assert foreign_names("The Marit belongs to Lund's firm.", TEXT) == []
    assert foreign_names("Owner Peter Lund lives in Oslo.", TEXT) == ["Peter", "Oslo"]
    assert unsupported("Peter Lund, 4 March", TEXT) == ["4", "Peter"]


def test_a_first_word_is_a_name_only_before_another_one():
    assert foreign_names("Yesterday it stopped. Nobody came.", TEXT) == []
    assert foreign_names("Peter Lund stopped it.", TEXT) == ["Peter"]


def test_a_number_at_the_wrong_word_is_misplaced_and_not_foreign():
    lie = "Seven sailors have twelve weeks."
    text = "The twelve sailors are, as all who know them say, seven weeks without work."
    assert foreign_numbers(lie, text) == []
    assert misplaced_numbers(lie, text) == ["7 sailors", "12 weeks"]
    assert misplaced_numbers("Twelve sailors: seven weeks", text) == []


def test_a_last_number_goes_with_the_word_before_it():
    assert misplaced_numbers("It stops in March 3.", TEXT) == []
    assert misplaced_numbers("The sailors number 3.", TEXT) == ["3 number"]


def test_new_words_are_those_whose_beginning_the_text_lacks():
    assert new_words("The sailor needs a holiday.", TEXT) == ["holiday"]


def test_swapped_numbers_are_those_nearest_in_size():
    assert swap_numbers("30 minutes at 240 degrees and 15 more") == (
        "15 minutes at 240 degrees and 30 more"
    )
    assert swap_numbers("The 21st and the 23rd.") == "The 23rd and the 21st."
    assert swap_numbers("two of ten") == "ten of two"
    assert swap_numbers("Class 6b has 6 of six") is None


def test_a_lie_by_swapping_brings_in_no_foreign_number():
    assert foreign_numbers(swap_numbers(TEXT), TEXT) == []
    assert swap_numbers(TEXT) != TEXT
