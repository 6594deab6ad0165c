"""Tools for one customer, and how each tool's customers talk."""

import pytest

from insidegpt.apply.records import open_shop
from insidegpt.apply.shop_questions import questions
from insidegpt.apply.shop_tools import (
    OPENINGS,
    SPOKEN,
    dialogue,
    evenly_chosen,
    openings,
    right_call,
    shop_tools,
)
from insidegpt.apply.tools import Call, carry_out, possible_calls
from insidegpt.text.world.facts import build_world
from insidegpt.text.world.shop import take_orders

WORLD = build_world(0)
ORDERS = take_orders(WORLD)


@pytest.fixture
def shop():
    return open_shop(WORLD, ORDERS)


def test_orders_are_those_of_the_customer_alone(shop):
    mine = ORDERS[0]
    other = next(order for order in ORDERS if order.customer != mine.customer)
    tools = shop_tools(shop, mine.customer)
    before = list(shop.execute("SELECT * FROM orders"))
    for name in ("order", "cancel", "refund"):
        said = carry_out(Call(name, str(other.number)), tools)
        assert said == f"There is no order {other.number}."
        assert said != carry_out(Call(name, str(mine.number)), tools)
    changed = set(shop.execute("SELECT * FROM orders")) - set(before)
    assert {row[0] for row in changed} <= {mine.number}


def test_a_product_is_found_however_it_is_spelled(shop):
    tools = shop_tools(shop, "Ada")
    name = next(s.name for s in WORLD.subjects if s.kind == "product")
    (call,) = possible_calls(
        {"product": tools["product"]}, f"is the {name.upper()} red"
    )
    assert carry_out(call, tools).startswith(f"The {name} costs")


def test_every_question_can_be_answered_by_a_call_that_its_words_allow(shop):
    tools = shop_tools(shop, "Ada")
    for part in ("train", "dev", "test"):
        for question in questions(part):
            assert right_call(question) in possible_calls(tools, question.text)


def test_openings_are_of_the_part_to_learn_from():
    texts = openings()
    assert set(texts) == set(OPENINGS) == set(shop_tools(open_shop(WORLD, []), ""))
    learnt = {question.text for question in questions("train")}
    for text in texts.values():
        said = [line[2:] for line in text.splitlines()[1:-1]]
        assert set(said) <= learnt and 4 <= len(said) <= SPOKEN
        assert text.endswith("\n-")


def test_examples_are_spread_over_the_list():
    assert evenly_chosen(list("abcdefg"), 3) == ["a", "c", "e"]
    assert evenly_chosen(list("ab"), 3) == ["a", "b"]


def test_a_dialogue_ends_with_the_call_or_waits_for_it(shop):
    tools = shop_tools(shop, "Ada")
    asked = dialogue("Where is 1001?", tools)
    assert [turn["role"] for turn in asked] == ["system", "user"]
    assert all(f"- {name}: " in asked[0]["content"] for name in tools)
    whole = dialogue("Where is 1001?", tools, Call("order", "1001"))
    assert whole[:2] == asked
    assert whole[2]["content"] == '{"tool": "order", "number": 1001}'
