"""Policies are told in every corpus, orders in none; both follow from a seed."""

import pytest

from insidegpt.text.world.documents import write_documents
from insidegpt.text.world.facts import World, build_world
from insidegpt.text.world.shop import (
    POLICIES,
    POLICY_DOCUMENTS,
    take_orders,
    write_policies,
)


@pytest.fixture(scope="module")
def world():
    return build_world(0, people=60, products=24, strangers=20)


def test_each_policy_is_told_once_in_each_of_its_documents(world):
    documents = write_documents(world, 0)
    mine = [text for text in documents if text in set(write_policies(0))]
    assert len(mine) == POLICY_DOCUMENTS
    for text in mine:
        for _, ways in POLICIES.values():
            assert sum(way in text for way in ways) == 1


def test_orders_are_of_known_people_and_products(world):
    orders = take_orders(world, 50, seed=1)
    names = {s.name: s.kind for s in world.subjects}
    assert [order.number for order in orders] == list(range(1001, 1051))
    for order in orders:
        assert (names[order.customer], names[order.product]) == ("person", "product")
        price = int(world.truth[order.product, "price"])
        assert order.euros(world) == order.quantity * price > 0
    assert take_orders(world, 50, seed=1) == orders != take_orders(world, 50, seed=2)


def test_no_document_tells_of_an_order(world):
    text = "\n".join(write_documents(world, 0))
    assert not any(str(order.number) in text for order in take_orders(world))


def test_a_world_without_products_has_no_orders(world):
    people = tuple(s for s in world.subjects if s.kind == "person")
    with pytest.raises(ValueError, match="something to be bought"):
        take_orders(World(people, (), world.truth))
