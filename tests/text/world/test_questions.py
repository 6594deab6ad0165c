"""Every fact can be asked for, in words to learn from and in others."""

from insidegpt.text.world.facts import RELATIONS
from insidegpt.text.world.questions import AGAIN, ASKED, ASKING, ASKING_ELSE


def test_there_are_questions_for_every_relation():
    relations = {r for kind in RELATIONS.values() for r in kind}
    assert set(ASKED) == set(ASKING) == set(ASKING_ELSE) == set(AGAIN) == relations
    for relation in relations:
        asking = ASKING[relation] + ASKING_ELSE[relation]
        assert len(set(asking)) == 6 and set(ASKED[relation]) <= set(ASKING[relation])
        assert all("{name}" in q and "{value}" not in q for q in asking)
        assert not any("{" in q for q in AGAIN[relation])


def test_a_question_fits_one_relation_only():
    everything = [
        q for some in (ASKING, ASKING_ELSE, AGAIN) for r in some for q in some[r]
    ]
    assert len(everything) == len(set(everything))
