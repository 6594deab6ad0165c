"""Every fact can be asked for, in words to learn from and in others."""

from insidegpt.text.world.facts import RELATIONS
from insidegpt.text.world.questions import (
    AGAIN,
    ASKING,
    ASKING_ELSE,
    FRAMES_ELSE,
    QUESTIONS,
)


def test_there_are_questions_for_every_relation():
    relations = {r for kind in RELATIONS.values() for r in kind}
    assert set(ASKING) == set(ASKING_ELSE) == set(AGAIN) == relations
    for relation in relations:
        asking = ASKING[relation] + ASKING_ELSE[relation]
        assert len(set(asking)) == 57
        assert all("{name}" in q and "{value}" not in q for q in asking)
        assert not any("{" in q for q in AGAIN[relation])


def test_a_question_fits_one_relation_only():
    everything = [
        q for some in (ASKING, ASKING_ELSE, AGAIN) for r in some for q in some[r]
    ]
    assert len(everything) == len(set(everything))


def test_a_held_out_question_has_a_question_clause_or_frame_that_is_new():
    for relation, questions in ASKING_ELSE.items():
        assert questions[0] == QUESTIONS[relation][-1]
        assert not set(questions) & set(ASKING[relation])
        frames = [frame.partition("{")[0] for frame in FRAMES_ELSE]
        new = zip(questions[2:], frames, strict=True)
        assert all(question.startswith(frame) for question, frame in new)
