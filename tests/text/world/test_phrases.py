"""Every relation can be told, asked and completed, in words of their own."""

from insidegpt.text.world.facts import RELATIONS
from insidegpt.text.world.phrases import ASKED, HELD_OUT, TOLD


def test_there_are_phrases_for_every_relation():
    relations = {r for kind in RELATIONS.values() for r in kind}
    assert set(TOLD) == set(HELD_OUT) == set(ASKED) == relations
    for relation in relations:
        assert all("{name}" in p and "{value}" in p for p in TOLD[relation])
        assert all(p.endswith("{value}") for p in HELD_OUT[relation])
        assert not any("{value}" in p for p in ASKED[relation])
