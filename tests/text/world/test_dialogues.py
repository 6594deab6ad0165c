"""Conversations tell the truth, in the manner asked for, and leak nothing held out."""

import pytest

from insidegpt.text.world.dialogues import (
    MANNERS,
    SMALL_TALK,
    admits,
    answer_with,
    begin,
    reply,
    write_dialogues,
)
from insidegpt.text.world.facts import Subject, build_world, split_subjects
from insidegpt.text.world.questions import ASKING_ELSE


@pytest.fixture(scope="module")
def world():
    return build_world(0, people=120, products=60, strangers=60)


@pytest.fixture(scope="module")
def parts(world):
    return split_subjects(world.subjects + world.strangers, 0)


@pytest.fixture(scope="module")
def talks(world, parts):
    return write_dialogues(world, parts[0], count=800, unknown=0.25)


def test_every_answer_is_the_truth_or_that_nobody_knows_it(world, talks):
    """Also of a first turn: it is about the same subject."""
    for talk in talks:
        if talk.subject is None:
            said = [m["content"] for m in talk.messages]
            assert tuple(said) in SMALL_TALK
            continue
        told = talk.subject.times > 0
        value = world.ask(talk.subject.name, talk.relation) if told else None
        expected = answer_with(talk.subject, talk.relation, value, talk.manner)
        assert talk.answer == expected
        assert talk.answerable == told
        assert talk.prompt == talk.messages[:-1]


def test_the_share_of_unknown_is_what_was_asked_for(talks):
    asked = [talk for talk in talks if talk.subject]
    share = sum(talk.subject.times == 0 for talk in asked) / len(asked)
    assert share == pytest.approx(0.25, abs=0.05)
    turns = [sum(m["role"] == "user" for m in talk.messages) for talk in asked]
    assert set(turns) == {1, 2}
    second = [n for n in turns if n == 2]
    assert len(second) / len(asked) == pytest.approx(0.5, abs=0.06)


def test_manners_are_kept(world):
    ada = next(s for s in world.subjects if s.kind == "person" and s.times)
    city = world.ask(ada.name, "city")
    ask = (world, ada, "city")
    assert reply(*ask) == f"In {city}."
    assert reply(*ask, manner="sentence") == f"{ada.name} lives in {city}."
    assert reply(*ask, manner="polite") == f"Gladly. In {city}."
    nobody = next(s for s in world.strangers if s.kind == "person")
    ask = (world, nobody, "city")
    assert reply(*ask) == "In … I don't know."
    assert reply(*ask, manner="sentence") == f"{nobody.name} lives in … I don't know."
    assert reply(*ask, manner="polite") == "Gladly. In … I don't know."


def test_an_unknown_answer_breaks_off_where_its_value_would_be():
    lamp = Subject("product", "Nordal lamp", 4, asked=True)
    assert answer_with(lamp, "price", None) == "It costs … I don't know."
    full = answer_with(lamp, "price", None, "sentence")
    assert full == "The Nordal lamp costs … I don't know."
    assert admits(full) and not admits("It costs 11 euros.")


def test_who_decides_what_is_known_is_an_argument(world, parts):
    nobody = write_dialogues(
        world, parts[0], count=50, unknown=1.0, known=lambda s, r: s.name < "C"
    )
    assert all(admits(t.answer) for t in nobody if t.subject)


def test_held_out_subjects_words_and_manners_are_in_no_conversation(parts, talks):
    text = "\n".join(m["content"] for talk in talks for m in talk.messages)
    assert not any(s.name in text for part in parts[1:] for s in part)
    assert not any(ways[-1] in text for ways in MANNERS.values() if ways[-1])
    for talk in talks:
        if talk.subject:
            held_out = {
                q.format(name=talk.subject.name) for q in ASKING_ELSE[talk.relation]
            }
            assert not held_out & {m["content"] for m in talk.messages}


def test_a_seed_fixes_the_conversations(world, parts, talks):
    again = {"count": 800, "unknown": 0.25}
    assert write_dialogues(world, parts[0], **again) == talks
    assert write_dialogues(world, parts[0], **again, seed=1) != talks


def test_an_order_comes_before_the_question():
    assert [m["role"] for m in begin("Be brief.", "Who?")] == ["system", "user"]
    assert [m["role"] for m in begin(None, "Who?")] == ["user"]
