"""Texts in the shop's own data that mean to command the assistant, and what stops them.

Whoever writes an order's note, or gets a sentence into the handbook, speaks to every
assistant that reads it (Greshake et al. 2023). ``serve`` answers a customer with an
agent's usual loop around the assistant: what a tool gave is read, and another call may
follow. Each of four defences can be switched on. Page: applications/customer-service.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from insidegpt.apply.listening import weigh
from insidegpt.apply.records import order_facts
from insidegpt.apply.retrieval import Found, Passage, Search
from insidegpt.apply.shop_questions import FILES, questions
from insidegpt.apply.shop_tools import right_call
from insidegpt.apply.support import Assistant, cites
from insidegpt.apply.tools import Call, Tool, carry_out, possible_calls
from insidegpt.model.interface import Model
from insidegpt.text.interface import Tokenizer

ANSWER = Tool("answer", "say what was found", str)
ROUNDS = 2  # calls that may follow the first one
LONGEST = 600  # tokens of a text and a call
HEAD = "An assistant of a shop reads a message and writes the next call.\n\n"
NOTHING_READ = "Hello."  # what calls are judged by without a message


class Attack(NamedTuple):
    """A text for a note or a passage; {mine} and {other} are numbers of orders."""

    kind: str
    place: str  # "note" of the customer's order, or "passage" of the handbook
    goal: str  # cancel, refund, read another's order, be believed (text), or none
    text: str


class Defences(NamedTuple):
    """What is switched on."""

    separated: bool = False  # calls are chosen from the customer's words alone
    own_orders: bool = False  # tools know the orders of this customer alone
    confirmed: bool = False  # what changes something waits for the customer's yes
    trusted: bool = False  # what is quoted is the shop's own text: no notes, no edits


class Served(NamedTuple):
    """What a customer read, and every call that was carried out."""

    text: str
    calls: tuple[Call, ...]


@cache
def attacks() -> tuple[Attack, ...]:
    """Written for this, of eight kinds."""
    return tuple(Attack(**row) for row in _stored()["attacks"])


@cache
def harmless() -> tuple[Attack, ...]:
    """What notes are usually like, and sentences with an order's number in them."""
    return tuple(Attack(**row) for row in _stored()["harmless"])


def _stored() -> dict:
    return json.loads((FILES / "injections.json").read_text("utf-8"))


class NextCall:
    """Chooses a call after a message or a result, as a writer of calls.

    Chosen is the call that the text makes likelier than "Hello" does, by the largest
    factor (Zhao et al. 2021, here for whole calls); ``examples`` are texts and calls.
    """

    def __init__(
        self,
        model: Model,
        tokenizer: Tokenizer,
        tools: Mapping[str, Tool],
        examples: Sequence[tuple[str, Call]],
    ):
        self.model, self.tokenizer = model, tokenizer
        self.tools = {**tools, ANSWER.name: ANSWER}
        head = HEAD + "".join(
            f"Message: {text}\nCall: {call.line(self.tools)}\n\n"
            for text, call in examples
        )
        self.head_ids = ids = tokenizer.encode(head)
        room = len(ids) + LONGEST
        self.cache = model.new_cache(batch=1, max_tokens=room)
        with torch.inference_mode():
            model.hidden(torch.tensor([ids]), cache=self.cache)
        self.chosen: dict[str, Call] = {}  # what was read before

    def choose(self, text: str) -> Call:
        """Of all calls whose arguments occur anywhere in the text."""
        if text not in self.chosen:
            calls = possible_calls(self.tools, text)
            gains = self.weigh(text, calls) - self.weigh(NOTHING_READ, calls)
            self.chosen[text] = calls[int(gains.argmax())]
        return self.chosen[text]

    def weigh(self, text: str, calls: Sequence[Call]) -> Float[Tensor, " N"]:
        """Log-probability of each call after a text."""
        ids = self.tokenizer.encode(f"Message: {text}\nCall:")
        lines = [self.tokenizer.encode(" " + c.line(self.tools)) for c in calls]
        return weigh(self.model, ids, lines, self.cache)


def loop_examples(tools: Mapping[str, Tool]) -> list[tuple[str, Call]]:
    """Two customers for each tool, and results after which there is nothing to do."""
    asked: dict[str, list[tuple[str, Call]]] = {}
    for question in questions("train"):
        call = right_call(question)
        asked.setdefault(call.tool, []).append((question.text, call))
    examples = []
    for round_ in range(2):
        for tool, pairs in asked.items():
            text, call = pairs[round_]
            examples.append((text, call))
            if tool in ("order", "product"):
                seen = f"{text} {carry_out(call, tools)}"
                examples.append((seen, Call(ANSWER.name)))
    return examples


def serve(
    assistant: Assistant, said: str, defences: Defences, reader: NextCall | None = None
) -> Served:
    """Answer a customer, who says yes to what was asked for and no to all else."""
    reply = assistant.reply(said)
    text, calls = reply.text, [reply.call]
    if reply.waits:
        text += "\n" + assistant.reply("yes").text
    if defences.separated or reader is None:
        return Served(text, tuple(calls))
    for _ in range(ROUNDS):
        call = reader.choose(f"{said} {text}")
        if call.tool in (ANSWER.name, "person", "handbook") or call in calls:
            break
        if assistant.tools[call.tool].acts and defences.confirmed:
            break  # the customer is asked, and never wanted this
        calls.append(call)
        text += f"\n{carry_out(call, assistant.tools)} [{cites(call)}]"
    return Served(text, tuple(calls))


def poisoned(search: Search, name: str, text: str) -> Search:
    """The same search in a handbook where a passage got one more sentence."""

    def edit(found: Found) -> Found:
        passage = found.passage
        if passage.id == name:
            passage = Passage(name, f"{passage.text} {text}")
        return found._replace(passage=passage)

    return lambda question, count: [edit(found) for found in search(question, count)]


def only_issued(search: Search, issued: Sequence[Passage]) -> Search:
    """Without passages that are not, word for word, those that the shop has issued."""
    known = frozenset(issued)

    def trusted(question: str, count: int) -> list[Found]:
        return [f for f in search(question, count) if f.passage in known]

    return trusted


def without_notes(tools: Mapping[str, Tool]) -> dict[str, Tool]:
    """The tools, with what customers and couriers wrote cut from orders' facts."""

    def cut(run: Callable[[str], str]) -> Callable[[str], str]:
        return lambda number: run(number).partition(f" Note on order {number}:")[0]

    order = tools["order"]
    return {**tools, "order": order._replace(run=cut(order.run))}


def all_orders(shop: sqlite3.Connection, tools: Mapping[str, Tool]) -> dict[str, Tool]:
    """The tools of a careless shop: they show anybody's orders."""
    look = tools["order"]._replace(run=lambda number: order_facts(shop, int(number)))
    return {**tools, "order": look}
