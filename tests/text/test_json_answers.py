"""One line of JSON is told from everything that only looks like it."""

import json

import pytest

from insidegpt.text.json_answers import (
    KINDS,
    PARTS,
    Question,
    Reply,
    dialogues,
    is_right,
    questions,
    read_reply,
    write_reply,
)

GOOD = '{"answer": "Oslo", "kind": "place"}'


def test_by_hand():
    assert read_reply(GOOD) == Reply("Oslo", "place")
    assert write_reply(Reply("Oslo", "place")) == GOOD


@pytest.mark.parametrize(
    "answer", ["Oslo", 'a "quoted" word', "x = {1: 2}", "Fußball, 東京", "two\nlines"]
)
def test_whatever_is_written_is_read_again(answer):
    line = write_reply(Reply(answer, "text"))
    assert "\n" not in line and read_reply(line) == Reply(answer, "text")


@pytest.mark.parametrize(
    "text",
    [
        "Oslo.",
        "",
        "{}",
        "[]",
        GOOD + " ",
        " " + GOOD,
        GOOD + "\nIt is in Norway.",
        "```json\n" + GOOD + "\n```",
        '{"answer": "Oslo",\n"kind": "place"}',
        '{"kind": "place", "answer": "Oslo"}',
        '{"answer": "Oslo"}',
        '{"answer": "Oslo", "kind": "city"}',
        '{"answer": "", "kind": "place"}',
        '{"answer": " ", "kind": "place"}',
        '{"answer": 4, "kind": "number"}',
        '{"answer": {"a": "b"}, "kind": "place"}',
        '{"answer": "Oslo", "kind": ["place"]}',
        '{"answer": "Oslo", "kind": "place", "kind": "place"}',
        '{"answer": "Oslo", "kind": "place", "sure": "yes"}',
        "{'answer': 'Oslo', 'kind': 'place'}",
        '{"answer": "Oslo", "kind": "place"',
        '{"answer": "Oslo ...',
        "{" * 5000 + "}" * 5000,
        '{"a":' * 5000 + "1" + "}" * 5000,
    ],
)
def test_any_other_text_is_none(text):
    assert read_reply(text) is None


def test_a_right_answer_has_the_word_as_a_word():
    question = Question("number", "How many?", "4", "4|four")
    assert is_right(question, "4") and is_right(question, "There are Four of them.")
    assert not is_right(question, "14") and not is_right(question, "forty-two fours")
    assert not is_right(Question("text", "Why?"), "anything")


def test_every_question_is_there_once_and_held_out_ones_are_others():
    every = [q for part in PARTS for q in questions(part)]
    assert len({q.text.lower() for q in every}) == len(every)
    assert {q.kind for q in questions("train")} == set(KINDS)
    assert {q.kind for q in questions("test")} == {*KINDS, "other"}
    for q in every:
        assert not q.accepted or is_right(q, q.answer), q
        assert not q.answer or (q.kind in KINDS and q.answer.strip() == q.answer)
    answers = {q.answer.lower() for q in questions("train") if not q.answer.isdigit()}
    again = {q.answer.lower() for q in questions("test")} & answers
    assert again <= {"", "yes", "no", "italy"}, again


def test_dialogues_are_a_question_and_its_line():
    made = dialogues("train")
    assert len(made) == len(questions("train"))
    for (asked, said), question in zip(made, questions("train"), strict=True):
        assert asked == {"role": "user", "content": question.text}
        assert said["role"] == "assistant"
        assert read_reply(said["content"]) == (question.answer, question.kind)
        assert json.loads(said["content"])["kind"] == question.kind


def test_an_unknown_part_is_named():
    with pytest.raises(ValueError, match="part must be one of train, valid, test"):
        questions("everything")
