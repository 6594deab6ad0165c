"""The questions: parts apart, and patterns that tell right answers from wrong ones."""

import pytest

from insidegpt.apply.records import open_shop, order_facts, product_facts
from insidegpt.apply.retrieval import read_passages
from insidegpt.apply.shop_questions import (
    KINDS,
    PARTS,
    Question,
    handbook,
    is_right,
    questions,
)
from insidegpt.text.world.facts import build_world
from insidegpt.text.world.shop import take_orders

WORLD = build_world(0)
PASSAGES = {passage.id: passage.text for passage in read_passages(handbook())}
CHECKED = [q for part in ("dev", "test") for q in questions(part)]


def test_no_question_is_in_two_parts_or_twice():
    texts = [q.text for part in PARTS for q in questions(part)]
    assert len(set(texts)) == len(texts)
    assert {q.kind for q in CHECKED} == set(KINDS)
    with pytest.raises(ValueError, match="train, dev, test"):
        questions("held out")


def test_what_the_shop_says_is_a_right_answer():
    shop = open_shop(WORLD, take_orders(WORLD))
    for q in CHECKED:
        if q.kind == "policy":
            assert is_right(q, PASSAGES[q.about]), q
        elif q.kind == "order":
            assert is_right(q, order_facts(shop, q.number)), q
        elif q.kind == "product":
            assert is_right(q, product_facts(shop, q.name)), q


def test_few_other_passages_of_the_handbook_pass_for_a_right_answer():
    policy = [q for q in CHECKED if q.kind == "policy"]
    passed = sum(
        is_right(q, text)
        for q in policy
        for name, text in PASSAGES.items()
        if name != q.about
    )
    assert passed / (len(policy) * (len(PASSAGES) - 1)) < 0.01


def test_a_yes_that_means_no_is_wrong():
    cheques = next(q for q in questions("test") if "cheques" in q.text)
    assert is_right(cheques, "No, we take no cheques.")
    assert not is_right(cheques, "Yes, we take no cheques.")
    assert not is_right(cheques, "Cheques are welcome.")


def test_passing_on_is_right_where_nothing_else_is():
    ask = Question("person", "person", "Do you sell bicycles?")
    assert is_right(ask, "I pass this on to a colleague.")
    assert not is_right(ask, "Yes, we do.")


def test_orders_belong_to_whoever_asks():
    owners = {order.number: order.customer for order in take_orders(WORLD)}
    asked = [q for part in PARTS for q in questions(part) if q.number]
    assert all(owners[q.number] == q.customer for q in asked)
