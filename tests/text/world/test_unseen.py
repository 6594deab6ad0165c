"""Held-out phrases are no trained ones, and of known words; foreign ones are not."""

import re

from insidegpt.text.world.phrases import TOLD
from insidegpt.text.world.questions import ASKING
from insidegpt.text.world.unseen import FOREIGN, HELD_OUT, TURNED


def words(phrases):
    """Lower-case words, the places of names and values left out."""
    text = re.sub(r"{\w+}", " ", " ".join(phrases).lower())
    return set(re.findall(r"[a-z]+", text))


def between(phrase):
    """What stands between a name and a value at the end."""
    found = re.search(r"{name}(.*){value}\.?$", phrase)
    return found and found[1]


def test_there_are_phrases_for_every_relation():
    assert set(HELD_OUT) == set(FOREIGN) == set(TOLD)
    for relation in TOLD:
        turned = TURNED.get(relation, ())
        assert (
            len(HELD_OUT[relation]) + len(turned) == 3 and len(FOREIGN[relation]) == 2
        )
        ends = HELD_OUT[relation] + turned + FOREIGN[relation]
        assert all("{name}" in p and p.endswith("{value}") for p in ends)


def test_held_out_words_have_been_read_about_their_relation():
    for relation in TOLD:
        phrases = HELD_OUT[relation] + TURNED.get(relation, ())
        assert words(phrases) <= words(TOLD[relation] + ASKING[relation]), relation


def test_nothing_unseen_is_the_end_of_a_trained_phrase():
    for relation in TOLD:
        known = {between(phrase) for phrase in TOLD[relation]}
        for phrase in HELD_OUT[relation] + FOREIGN[relation]:
            assert between(phrase) not in known, phrase


def test_what_is_turned_has_the_value_first_in_the_documents():
    """*Yoga is what Ada likes most.* against *What Ada likes most is yoga.*"""
    for relation, (phrase,) in TURNED.items():
        rest = phrase.partition(" is {value}")[0]
        around = {rest[0].lower() + rest[1:]}
        firsts = [p.removeprefix("{value} is ").rstrip(".") for p in TOLD[relation]]
        assert around & {first.removesuffix("?") for first in firsts}, relation


def test_foreign_phrases_have_a_word_that_no_document_has():
    known = set().union(*(words(p) for p in (*TOLD.values(), *ASKING.values())))
    for relation, phrases in FOREIGN.items():
        assert all(words([phrase]) - known for phrase in phrases), relation
