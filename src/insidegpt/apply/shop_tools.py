"""What the assistant of the shop may do for one customer, and how such customers talk.

A tool looks up and changes the orders of the customer who is logged in; of any other
order it says what it says of an order that doesn't exist. Page:
applications/customer-service.
"""

import sqlite3
from collections.abc import Callable, Mapping

import regex

from insidegpt.apply.records import (
    cancel_order,
    order_facts,
    owner,
    product_facts,
    product_names,
    refund_order,
)
from insidegpt.apply.shop_questions import Question, questions
from insidegpt.apply.tools import Call, Tool
from insidegpt.text.chat import Message

NUMBER = r"\b\d{4}\b"
SPOKEN = 6  # examples in an opening
OPENINGS = {
    "handbook": "A customer asks about the rules of the shop, such as returns, "
    "delivery, payment or opening hours:",
    "order": "A customer asks about an order:",
    "product": "A customer asks about a product:",
    "cancel": "A customer wants an order to be cancelled now:",
    "refund": "A customer wants the money for an order to be paid back now:",
    "person": "A customer says something that only a person can deal with:",
}


def shop_tools(shop: sqlite3.Connection, customer: str) -> dict[str, Tool]:
    """The tools by name, for one customer."""

    def own(use: Callable[[sqlite3.Connection, int], str]) -> Callable[[str], str]:
        def run(number: str) -> str:
            if owner(shop, int(number)) != customer:
                raise LookupError(f"There is no order {number}.")
            return use(shop, int(number))

        return run

    names = "|".join(map(regex.escape, product_names(shop)))
    spelled = {name.lower(): name for name in product_names(shop)}

    def product(name: str) -> str:
        return product_facts(shop, spelled.get(name.lower(), name))

    number = ("number", NUMBER)
    tools = (
        Tool("handbook", "look up the shop's rules", str),
        Tool("order", "look up an order", own(order_facts), *number),
        Tool("product", "look up a product", product, "name", names),
        Tool("cancel", "cancel an order", own(cancel_order), *number, acts=True),
        Tool("refund", "pay back an order", own(refund_order), *number, acts=True),
        Tool("person", "pass the customer on to a person", str),
    )
    return {tool.name: tool for tool in tools}


def right_call(question: Question) -> Call:
    """The call that answers a question."""
    tool = {"policy": "handbook", "action": question.about}
    value = question.number or question.name
    return Call(tool.get(question.kind, question.kind), value and str(value))


def openings(spoken: int = SPOKEN) -> dict[str, str]:
    """For each tool, what its customers are, and some of their questions."""
    said: dict[str, list[str]] = {tool: [] for tool in OPENINGS}
    for question in questions("train"):
        said[right_call(question).tool].append(question.text)
    return {
        tool: head
        + "".join(f"\n- {text}" for text in evenly_chosen(said[tool], spoken))
        + "\n-"
        for tool, head in OPENINGS.items()
    }


def evenly_chosen(texts: list[str], count: int) -> list[str]:
    """``count`` of the texts, at equal distances."""
    return texts[:: max(1, len(texts) // count)][:count]


def dialogue(
    question: str, tools: Mapping[str, Tool], call: Call | None = None
) -> list[Message]:
    """A chat in which the tool is asked for outright, and the answer if there is one:
    what a model is fine-tuned on."""
    listed = "\n".join(f"- {tool.name}: {tool.does}" for tool in tools.values())
    system = f"You help the customers of a shop. Say which tool is needed:\n{listed}"
    turns = [
        {"role": "system", "content": system},
        {"role": "user", "content": question},
    ]
    if call:
        turns.append({"role": "assistant", "content": call.line(tools)})
    return turns
