"""Held-out phrases are no trained ones, and of known words; foreign ones are not."""

import re

from insidegpt.text.world.phrases import TOLD
from insidegpt.text.world.questions import ASKED
from insidegpt.text.world.unseen import FOREIGN, HELD_OUT


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
        assert len(HELD_OUT[relation]) == 3 and len(FOREIGN[relation]) == 2
        ends = HELD_OUT[relation] + FOREIGN[relation]
        assert all("{name}" in p and p.endswith("{value}") for p in ends)


def test_held_out_words_have_been_read_about_their_relation():
    for relation, phrases in HELD_OUT.items():
        assert words(phrases) <= words(TOLD[relation] + ASKED[relation]), relation


def test_nothing_unseen_is_the_end_of_a_trained_phrase():
    for relation in TOLD:
        known = {between(phrase) for phrase in TOLD[relation]}
        for phrase in HELD_OUT[relation] + FOREIGN[relation]:
            assert between(phrase) not in known, phrase


def test_foreign_phrases_have_a_word_that_no_document_has():
    known = set().union(*(words(p) for p in (*TOLD.values(), *ASKED.values())))
    for relation, phrases in FOREIGN.items():
        assert all(words([phrase]) - known for phrase in phrases), relation
