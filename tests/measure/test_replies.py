"""What counts as right, wrong, unknown and odd, and that a model is really asked."""

import dataclasses

import pytest
from small_align import tiny

from insidegpt.measure import replies
from insidegpt.measure.replies import grade, reply_to, shares
from insidegpt.text.bpe import train
from insidegpt.text.world.dialogues import (
    answer_with,
    write_questions,
    write_second_turns,
)
from insidegpt.text.world.facts import RELATIONS, build_world


@pytest.fixture(scope="module")
def world():
    return build_world(0, people=15, products=15, strangers=4)


@pytest.fixture(scope="module")
def talk(world):
    told = [s for s in world.subjects if s.times]
    return write_questions(world, told)[0]


def test_grades_by_hand(world, talk):
    values = RELATIONS[talk.subject.kind][talk.relation]
    truth = world.ask(talk.subject.name, talk.relation)
    other = next(value for value in values if value != truth)
    assert grade(talk, talk.answer) == "right"
    assert grade(talk, answer_with(talk.subject, talk.relation, other)) == "wrong"
    unknown = answer_with(talk.subject, talk.relation, None)
    assert grade(talk, unknown) == "unknown"
    for odd in ("", "Hello!", talk.answer + " ", talk.answer[:-1]):
        assert grade(talk, odd) == "odd"


def test_a_stranger_s_answer_is_never_right(world):
    for talk in write_questions(world, world.strangers):
        assert grade(talk, talk.answer) == "unknown"
        value = RELATIONS[talk.subject.kind][talk.relation][0]
        assert grade(talk, answer_with(talk.subject, talk.relation, value)) == "wrong"


def test_each_fact_is_asked_in_each_way_and_once_in_a_second_turn(world):
    facts = sum(len(RELATIONS[s.kind]) for s in world.subjects)
    questions = write_questions(world, world.subjects)
    assert len(questions) == 4 * facts == len({str(t.messages) for t in questions})
    seconds = write_second_turns(world, world.subjects)
    assert len(seconds) == facts
    for talk in seconds:
        name = talk.subject.name
        assert name in talk.messages[0]["content"]
        assert name not in talk.messages[2]["content"]


def test_shares_add_up_to_one(talk):
    made = [replies.Reply(talk, "", kind, True) for kind in ("right", "right", "odd")]
    assert shares(made) == pytest.approx(
        {"right": 2 / 3, "wrong": 0, "unknown": 0, "odd": 1 / 3}
    )
    assert shares([]) == {}


def test_the_model_s_words_are_returned_and_not_the_truth(world, monkeypatch):
    """ "ab" and an end; the same without an end; one prompt a question."""
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = train(["a b"], vocab_size=259, special_tokens=special)
    tokenizer = dataclasses.replace(tokenizer, end_ids=(2,))
    said = iter([tokenizer.encode("ab"), tokenizer.encode("abc")])

    def generate(model, prompts, *, max_new_tokens, stop_ids, **rest):
        assert len(prompts) == 2 and max_new_tokens == 3 and stop_ids == [2]
        assert prompts[0] != prompts[1]
        return list(said)

    monkeypatch.setattr(replies, "generate_batch", generate)
    talks = write_questions(world, world.subjects)[:2]
    one, other = reply_to(tiny(), tokenizer, talks, max_new_tokens=3)
    assert (one.text, one.kind, one.ended) == ("ab", "odd", True)
    assert (other.text, other.ended) == ("abc", False)
