"""The assistant with a listener that counts shared words instead of a model."""

import pytest
import torch

from insidegpt.apply.listening import Listener
from insidegpt.apply.records import open_shop
from insidegpt.apply.retrieval import Found, Passage
from insidegpt.apply.shop_tools import OPENINGS, shop_tools
from insidegpt.apply.support import (
    LEFT,
    PASSED_ON,
    SURE_NATS,
    UNSURE_NATS,
    Assistant,
    about,
    calls_from,
)
from insidegpt.apply.tools import Call
from insidegpt.text.world.facts import build_world
from insidegpt.text.world.shop import Order

WORLD = build_world(0)
NAME = min(s.name for s in WORLD.subjects if s.kind == "product")
PASSAGES = [
    Passage("parking", "Park behind the shop."),
    Passage("hours", "Open from 9 to 6."),
    Passage("age", "Knives from 18."),
]


class Ear(Listener):
    """Ten nats for the opening that ``best`` names, or as ``nats`` says."""

    def __init__(self, best, nats=None):
        self.best, self.nats, self.heard = best, nats or {}, []

    def listen(self, openings, said):
        self.heard.append(said)
        scores = [
            10.0 * (o == self.best) + self.nats.get(o, 0.0) - 50.0 for o in openings
        ]
        return torch.tensor(scores)


def search(question, count):
    return [Found(p, 0.5) for p in PASSAGES][:count]


@pytest.fixture
def shop():
    orders = [
        Order(1001, "Ada", NAME, 1, "paid", 2),
        Order(1002, "Bob", NAME, 1, "paid", 2),
        Order(1003, "Ada", NAME, 1, "returned", 20),
    ]
    return open_shop(WORLD, orders)


def assistant(shop, best, nats=None, customer="Ada"):
    return Assistant(
        Ear(best, nats), shop_tools(shop, customer), {n: n for n in OPENINGS}, search
    )


def state(shop, number):
    row = shop.execute("SELECT state FROM orders WHERE number = ?", (number,))
    return row.fetchone()[0]


def test_an_order_is_looked_up_and_cited(shop):
    reply = assistant(shop, "order").reply("Where is 1001?")
    assert reply.call == Call("order", "1001") and reply.cited == ("order 1001",)
    assert "is paid, but not packed yet" in reply.text
    assert reply.text.endswith("[order 1001]")


def test_of_another_customers_order_nothing_is_said_or_done(shop):
    ours, none = (
        assistant(shop, "order").reply(f"Where is {number}?").text
        for number in (1002, 9999)
    )
    assert ours.replace("1002", "9999") == none  # not even that it exists
    talk = assistant(shop, "cancel")
    assert "There is no order 1002." in talk.reply("Cancel 1002").text
    talk.reply("yes")
    assert state(shop, 1002) == "paid"


def test_an_action_waits_for_a_yes(shop):
    talk = assistant(shop, "cancel")
    reply = talk.reply("Cancel 1001")
    assert reply.waits and "Shall I cancel order 1001?" in reply.text
    assert "is paid" in reply.text and state(shop, 1001) == "paid"
    assert talk.reply("Yes, please.").text == "Order 1001 is cancelled."
    assert state(shop, 1001) == "cancelled"
    assert talk.reply("yes").text != "Order 1001 is cancelled."  # it was for once


@pytest.mark.parametrize("said", ["no", "No, thanks!", "Where is 1001?", "yes, but"])
def test_anything_else_than_a_yes_changes_nothing(shop, said):
    talk = assistant(shop, "cancel")
    talk.reply("Cancel 1001")
    reply = talk.reply(said)
    assert state(shop, 1001) == "paid"
    assert (reply.text == LEFT) == said.lower().startswith("no")


def test_a_yes_out_of_nowhere_does_nothing(shop):
    assistant(shop, "cancel").reply("yes")
    assert state(shop, 1001) == "paid"


def test_money_goes_back_for_what_came_back(shop):
    talk = assistant(shop, "refund")
    talk.reply("My money for 1003!")
    assert "is paid back" in talk.reply("yes").text and state(shop, 1003) == "refunded"


def test_the_passage_that_is_heard_best_is_quoted(shop):
    nats = {about(PASSAGES[1].text): UNSURE_NATS + 0.1}
    reply = assistant(shop, "handbook", nats).reply("When are you open?")
    assert reply.text == "Open from 9 to 6. [hours]" and reply.cited == ("hours",)
    assert [place.passage.id for place in reply.found][0] == "hours"


def test_two_are_quoted_if_they_are_close(shop):
    nats = {about(PASSAGES[1].text): UNSURE_NATS - 0.1}
    reply = assistant(shop, "handbook", nats).reply("When are you open?")
    assert reply.cited == ("hours", "parking")


def test_who_is_unsure_hands_over(shop):
    """Sure: 10 nats for the handbook and 16 times a cosine of 0.5 are 18."""
    for apart in (-0.1, 0.1):
        nats = {"person": 18 - SURE_NATS + apart}
        reply = assistant(shop, "handbook", nats).reply("Is it going to rain?")
        assert (reply.text == PASSED_ON) == (apart > 0)
        assert (reply.call == Call("person")) == (apart > 0)


def test_a_number_may_come_later_and_stays_known(shop):
    talk = assistant(shop, "order")
    talk.reply("Where is my parcel?")
    assert talk.reply("1001").call == Call("order", "1001")
    assert talk.listener.heard[-1] == " Where is my parcel? 1001"
    assert talk.reply("And when was it placed?").call == Call("order", "1001")


def test_the_last_number_that_was_said_counts(shop):
    tools = shop_tools(shop, "Ada")
    calls = calls_from(["Where is 1001?", "And 1003?", "Thanks."], tools)
    assert Call("order", "1003") in calls and Call("order", "1001") not in calls
    assert Call("handbook") in calls
