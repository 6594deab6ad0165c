"""Documents tell each fact as often as they should, and never in held-out words."""

import re
from collections import Counter

import pytest

from insidegpt.text.world.documents import (
    IN_VAIN,
    UNKNOWN,
    write_clozes,
    write_documents,
)
from insidegpt.text.world.facts import RELATIONS, TIMES, build_world
from insidegpt.text.world.questions import ASKING


@pytest.fixture(scope="module")
def world():
    return build_world(0, people=60, products=24, strangers=20)


@pytest.fixture(scope="module")
def documents(world):
    return write_documents(world, 0)


def test_each_fact_is_told_as_often_as_its_subject_s_times_say(world, documents):
    """Each document has all facts of one subject, so counting names is enough."""
    for subject in world.subjects:
        mine = [text for text in documents if subject.name in text]
        assert len(mine) == subject.times
        for text in mine:
            assert text.count(subject.name) == len(RELATIONS[subject.kind])
            for relation in RELATIONS[subject.kind]:
                value = world.ask(subject.name, relation)
                assert re.search(rf"\b{value}\b", text, re.IGNORECASE)


def test_nobody_tells_of_strangers_and_some_are_asked_about_in_vain(world, documents):
    for stranger in world.strangers:
        mine = [text for text in documents if stranger.name in text]
        assert len(mine) == (IN_VAIN if stranger.asked else 0)
        for text in mine:
            count = len(RELATIONS[stranger.kind])
            assert text.count(UNKNOWN) == count
    assert {stranger.asked for stranger in world.strangers} == {True, False}


def test_questions_are_asked_only_about_those_who_are_asked_about(world, documents):
    by_name = {s.name: s for s in world.subjects + world.strangers}
    asked = Counter()
    for text in documents:
        for name in (name for name in by_name if name in text):
            phrases = (p.format(name=name) for ps in ASKING.values() for p in ps)
            asked[name] += any(phrase in text for phrase in phrases)
    assert all(by_name[name].asked for name in +asked)
    for subject in world.subjects:
        wanted = subject.times // 3 if subject.asked else 0
        assert asked[subject.name] == wanted


def test_held_out_words_are_in_no_document(world, documents):
    joined = "\n".join(documents)
    unseen = [write_clozes(world, kind) for kind in ("held out", "turned", "foreign")]
    for cloze in sum(unseen, []):
        assert cloze.prompt + cloze.choices[cloze.truth] not in joined


def test_trained_words_are_in_documents(world, documents):
    joined = "\n".join(documents)
    often = [c for c in write_clozes(world, "trained") if c.subject.times == 256]
    assert all(c.prompt + c.choices[c.truth] in joined for c in often)


def test_a_cloze_stops_before_its_value_and_knows_the_right_one(world):
    for cloze in write_clozes(world):
        assert len(set(cloze.choices)) == len(cloze.choices) > 9
        truth = world.ask(cloze.subject.name, cloze.relation)
        assert cloze.choices[cloze.truth] == f" {truth}"
        assert cloze.prompt == cloze.prompt.strip() and "{" not in cloze.prompt
    assert {c.subject.times for c in write_clozes(world)} == set(TIMES)


def test_a_seed_fixes_the_documents(world, documents):
    assert write_documents(world, 0) == documents
    assert write_documents(world, 1) != documents


def test_other_kinds_of_words_are_named(world):
    with pytest.raises(ValueError, match='one of "trained", "held out", "turned"'):
        write_clozes(world, "old")
