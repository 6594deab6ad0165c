"""Every relation can be told, asked and completed, in words of their own."""

import re

from insidegpt.text.world.facts import RELATIONS
from insidegpt.text.world.phrases import ASKED, FOREIGN, HELD_OUT, TOLD


def test_there_are_phrases_for_every_relation():
    relations = {r for kind in RELATIONS.values() for r in kind}
    assert set(TOLD) == set(HELD_OUT) == set(FOREIGN) == set(ASKED) == relations
    for relation in relations:
        assert all("{name}" in p and "{value}" in p for p in TOLD[relation])
        ends = HELD_OUT[relation] + FOREIGN[relation]
        assert all("{name}" in p and p.endswith("{value}") for p in ends)
        assert not any("{value}" in p for p in ASKED[relation])


def words(phrases):
    """Lower-case words, the places of names and values left out."""
    text = re.sub(r"{\w+}", " ", " ".join(phrases).lower())
    return set(re.findall(r"[a-z]+", text))


def test_held_out_words_have_been_read_about_their_relation():
    for relation, phrases in HELD_OUT.items():
        assert words(phrases) <= words(TOLD[relation] + ASKED[relation]), relation


def test_held_out_phrases_are_no_trained_ones():
    for relation, phrases in HELD_OUT.items():
        known = {phrase.lower().rstrip(".") for phrase in TOLD[relation]}
        assert not known & {phrase.lower() for phrase in phrases}


def test_foreign_phrases_have_a_word_that_no_document_has():
    known = set().union(*(words(p) for p in (*TOLD.values(), *ASKED.values())))
    for relation, phrases in FOREIGN.items():
        assert all(words([phrase]) - known for phrase in phrases), relation
