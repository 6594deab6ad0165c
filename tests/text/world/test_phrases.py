"""Every relation can be told in ten ways, each of them different."""

from insidegpt.text.world.facts import RELATIONS
from insidegpt.text.world.phrases import TOLD


def test_there_are_ten_ways_for_every_relation():
    assert set(TOLD) == {r for kind in RELATIONS.values() for r in kind}
    for ways in TOLD.values():
        assert len(ways) == len(set(ways)) == 10
        assert all(way.count("{value}") == 1 and "{name}" in way for way in ways)


def test_the_first_way_ends_with_its_value_or_a_unit():
    """It is what an assistant answers, and one can see where the value stands."""
    for ways in TOLD.values():
        assert ways[0].removesuffix(".").removesuffix(" euros").endswith("{value}")
