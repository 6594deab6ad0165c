"""The shop's records: sums and dates by hand, and what may be done with which order."""

import pytest

from insidegpt.apply.records import (
    cancel_order,
    open_shop,
    order_facts,
    owner,
    product_facts,
    product_names,
    refund_order,
)
from insidegpt.text.world.facts import build_world
from insidegpt.text.world.shop import Order, take_orders

WORLD = build_world(0)
PRICES = {
    s.name: int(WORLD.truth[s.name, "price"])
    for s in WORLD.subjects
    if s.kind == "product"
}
NAME = min(PRICES, key=PRICES.__getitem__)
PRICE = PRICES[NAME]


def shop_with(state="paid", days=5, quantity=1):
    return open_shop(WORLD, [Order(1001, "Ada", NAME, quantity, state, days)])


def test_products_are_those_of_the_world():
    shop = open_shop(WORLD, take_orders(WORLD))
    names = product_names(shop)
    assert len(names) == sum(s.kind == "product" for s in WORLD.subjects)
    facts = product_facts(shop, names[0])
    for aspect in ("price", "colour", "material", "country", "aisle"):
        assert str(WORLD.truth[names[0], aspect]) in facts


def test_postage_is_added_up_to_fifty_euros():
    quantity = 50 // PRICE
    cheap, dear = quantity * PRICE, (quantity + 1) * PRICE
    assert f"costs {cheap + 4} euros" in order_facts(shop_with(quantity=quantity), 1001)
    assert f"costs {dear} euros" in order_facts(shop_with(quantity=quantity + 1), 1001)


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (2, "for 30 more days"),  # not longer than 30, though delivered early
        (3, "for 30 more days"),
        (10, "for 23 more days"),
        (33, "for 0 more days"),
        (34, "it is too late"),
    ],
)
def test_thirty_days_begin_three_days_after_an_order(days, said):
    assert said in order_facts(shop_with("delivered", days), 1001)


@pytest.mark.parametrize("state", ["paid", "packed", "sent", "delivered", "returned"])
def test_an_order_says_whether_it_can_be_cancelled_as_cancelling_does(state):
    shop = shop_with(state)
    can = "can be cancelled" in order_facts(shop, 1001)
    assert can == (state == "paid")
    assert (cancel_order(shop, 1001) == "Order 1001 is cancelled.") == can
    assert ("Order 1001 is cancelled." in order_facts(shop, 1001)) == can


@pytest.mark.parametrize("state", ["paid", "packed", "sent", "delivered", "returned"])
def test_money_is_paid_back_once_and_for_what_came_back(state):
    shop = shop_with(state)
    said = refund_order(shop, 1001)
    assert ("is paid back" in said and "nothing" not in said) == (state == "returned")
    assert "nothing is paid back" in refund_order(shop, 1001)


def test_a_note_is_told_last():
    shop = shop_with()
    shop.execute("UPDATE orders SET note = 'Leave it at the door.'")
    assert order_facts(shop, 1001).endswith("Note on order 1001: Leave it at the door.")


def test_what_is_not_there_is_named():
    shop = shop_with()
    assert owner(shop, 1001) == "Ada"
    for look in (owner, order_facts, cancel_order, refund_order):
        with pytest.raises(LookupError, match="no order 9999"):
            look(shop, 9999)
    with pytest.raises(LookupError, match="called Robert'; DROP"):
        product_facts(shop, "Robert'; DROP TABLE orders; --")
    assert owner(shop, 1001) == "Ada"
