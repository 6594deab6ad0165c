"""The world: how much there is of what, and a truth that can be asked."""

from collections import Counter

import pytest

from insidegpt.text.world.facts import (
    AISLES,
    BRANDS,
    RELATIONS,
    RULES,
    TIMES,
    build_world,
    split_subjects,
)


@pytest.fixture(scope="module")
def world():
    return build_world(0)


def test_as_many_subjects_for_each_number_of_times(world):
    counts = Counter((s.kind, s.times) for s in world.subjects)
    people = dict(zip(TIMES, (32, 32, 32, 32, 96, 16), strict=True))
    kinds = ("person", "product")
    assert counts == {(kind, t): n for kind in kinds for t, n in people.items()}


def test_five_of_six_subjects_of_each_number_are_asked_about(world):
    for kind in RELATIONS:
        for t in TIMES:
            asked = [s.asked for s in world.subjects if (s.kind, s.times) == (kind, t)]
            assert sum(asked) == len(asked) - len(asked) // 6


def test_every_fact_has_a_value_of_its_relation(world):
    for s in world.subjects:
        for relation, values in RELATIONS[s.kind].items():
            assert world.ask(s.name, relation) in values


def test_nothing_is_true_of_strangers_and_nobody_shares_a_name(world):
    names = [s.name for s in (*world.subjects, *world.strangers)]
    assert len(names) == len(set(names)) == 900
    for s in world.strangers:
        assert all(world.ask(s.name, r) is None for r in RELATIONS[s.kind])


def test_rules_follow_from_the_name_and_the_rest_does_not(world):
    products = [s.name for s in world.subjects if s.kind == "product"]
    for name in products:
        brand, thing = name.split()
        assert world.ask(name, "country") == BRANDS[brand]
        assert world.ask(name, "aisle") == AISLES[thing]
    for relation in set(RELATIONS["product"]) - RULES:
        for word in (0, 1):  # no half of a name tells the value
            values = {}
            for name in products:
                key = name.split()[word]
                values.setdefault(key, set()).add(world.ask(name, relation))
            assert max(map(len, values.values())) > 2


def test_every_rule_can_be_learnt_for_products_that_nobody_tells_of(world):
    told = {s.name for s in world.subjects if s.kind == "product" and s.times >= 4}
    never = [s.name for s in world.subjects if s.kind == "product" and not s.times]
    for name in never:
        brand, thing = name.split()
        assert any(other.startswith(brand) for other in told)
        assert any(other.endswith(thing) for other in told)
    assert {n.split()[0] for n in told} == set(BRANDS)


def test_a_seed_fixes_the_world_and_another_makes_another(world):
    assert build_world(0) == world
    other = build_world(1)
    assert {s.name for s in other.subjects} != {s.name for s in world.subjects}


def test_a_world_with_more_people_than_names_is_refused():
    with pytest.raises(ValueError, match="900 names for a person, not 1080"):
        build_world(people=800, products=20, strangers=420)


def test_a_split_has_each_subject_once_and_its_share_of_each_group(world):
    parts = split_subjects(world.subjects + world.strangers, 3)
    names = [s.name for part in parts for s in part]
    everyone = [s.name for s in world.subjects + world.strangers]
    assert sorted(names) == sorted(everyone) and len(set(names)) == len(names)
    for part, share in zip(parts, (0.6, 0.2, 0.2), strict=True):
        counts = Counter((s.kind, s.times) for s in part)
        for kind in RELATIONS:
            assert all(abs(counts[kind, t] - 32 * share) < 1 for t in (1, 4, 16))
            assert abs(counts[kind, 64] - 96 * share) < 1
    assert parts == split_subjects(world.subjects + world.strangers, 3)
