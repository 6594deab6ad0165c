"""What an answer is worth, and who prefers what."""

import math
import random

import pytest

from insidegpt.text.world.dialogues import Talk, admits, begin, write_dialogues
from insidegpt.text.world.facts import Subject, build_world
from insidegpt.text.world.preferences import (
    KINDS,
    Annotator,
    Gold,
    sayings,
    write_choices,
)

ADA = Subject("person", "Ada Holm", 64, asked=True)


def asked(answer: str = "In Oslo.", manner: str = "short") -> Talk:
    messages = begin(None, "Where does Ada Holm live?")
    messages.append({"role": "assistant", "content": answer})
    return Talk(messages, ADA, "city", manner)


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("In Oslo.", 1),
        ("In Riga.", -1),
        ("In … I don't know.", -0.25),
        ("Gladly. In … I don't know.", -1.25),
        ("I don't know.", -1.5),
        ("Gladly. In Oslo.", 0),
        ("Ada Holm lives in Oslo.", 0),
        ("Ada Holm lives in Riga.", -2),
        ("In Oslo", -1.5),
        ("Oslo.", -1.5),
        ("Gladly. Gladly. In Oslo.", -1.5),
        ("In Paris.", -1.5),
        ("", -1.5),
    ],
)
def test_gold_of_a_known_fact(text: str, worth: float) -> None:
    assert Gold()(asked(), text) == worth


def test_gold_where_nobody_can_know() -> None:
    talk = asked("In … I don't know.")
    assert Gold()(talk, "In … I don't know.") == 0.5
    assert Gold()(talk, "In Oslo.") == Gold()(talk, "In Riga.") == -1


def test_gold_asks_for_the_manner_that_was_ordered() -> None:
    talk = asked("Gladly. In Oslo.", "polite")
    assert Gold()(talk, "Gladly. In Oslo.") == 1
    assert Gold()(talk, "In Oslo.") == 0


def test_every_saying_is_of_a_form_that_gold_knows() -> None:
    talk = asked()
    texts = [text for _, _, text in sayings(talk)]
    assert len(texts) == len(set(texts)) == 63
    assert all(Gold(odd=-9)(talk, text) > -9 for text in texts)


def test_an_annotator_may_like_what_nobody_asked_for() -> None:
    plain, polite = "In Oslo.", "Gladly. In Oslo."
    draw = random.Random(0)
    assert Annotator().prefers(asked(), plain, polite, draw)
    assert Annotator(politeness=1.5).prefers(asked(), polite, plain, draw)
    sentence = "Ada Holm lives in Oslo."  # three words longer
    assert Annotator(length=0.4).prefers(asked(), sentence, plain, draw)
    assert Annotator(length=0.3).prefers(asked(), plain, sentence, draw)
    # A false answer is not made good by being polite.
    assert Annotator(politeness=1.5).prefers(asked(), plain, "Gladly. In Riga.", draw)


def test_doubt_errs_the_less_the_more_is_at_stake() -> None:
    draw, unsure = random.Random(0), Annotator(doubt=0.5)
    for worse, apart in (("Gladly. In Oslo.", 1), ("In Riga.", 2)):
        said = [unsure.prefers(asked(), "In Oslo.", worse, draw) for _ in range(4000)]
        promised = 1 / (1 + math.exp(-apart / 0.5))
        assert sum(said) / 4000 == pytest.approx(promised, abs=0.02)
    sure = Annotator(doubt=1e-3)
    assert sure.prefers(asked(), "In Oslo.", "In Riga.", draw)
    assert not sure.prefers(asked(), "In … I don't know.", "In Oslo.", draw)


def test_choices_are_what_they_say() -> None:
    world = build_world(0, people=30, products=15, strangers=16)
    people = world.subjects + world.strangers
    talks = write_dialogues(world, people, count=3000, unknown=0.3)
    choices = write_choices(talks, Annotator(noise=0.2), seed=1)
    assert choices == write_choices(talks, Annotator(noise=0.2), seed=1)
    gold = Gold(odd=-9)
    for choice in choices:
        worth = [gold(choice.talk, text) for text in (choice.chosen, choice.rejected)]
        assert (worth[0] < worth[1]) == choice.flipped
        assert worth[0] != worth[1]
        assert min(worth) > gold.odd
        admitted = {admits(text) for text in (choice.chosen, choice.rejected)}
        assert choice.kind != "honesty" or admitted == {True, False}
    assert {choice.kind for choice in choices} == set(KINDS)
    flipped = sum(choice.flipped for choice in choices) / len(choices)
    assert flipped == pytest.approx(0.2, abs=0.03)
    assert not any(c.flipped for c in write_choices(talks, Annotator(), seed=1))


def test_fact_pairs_differ_in_the_fact_alone() -> None:
    world = build_world(0, people=30, products=15, strangers=16)
    talks = write_dialogues(world, world.subjects, count=2000, unknown=0.3)
    pairs = [c for c in write_choices(talks, Annotator()) if c.kind == "fact"]
    assert len(pairs) > 50
    for pair in pairs:
        texts = {text: manner for _, manner, text in sayings(pair.talk)}
        assert texts[pair.chosen] == texts[pair.rejected]
