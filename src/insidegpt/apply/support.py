"""An assistant for the customers of a shop: choose a tool, look, answer, cite.

The model judges, twice, and both times by listening: which tool's customers talk like
this one, and which passage of the handbook this question is about. What customers read
are the shop's own words. Calls are made of the customer's words before any data is
read, and what changes something waits for a yes. Page: applications/customer-service.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from insidegpt.apply.listening import Listener
from insidegpt.apply.retrieval import Found, Search
from insidegpt.apply.tools import Call, Tool, carry_out, possible_calls, read_call

COSINE_NATS = 64.0  # of a cosine's difference: how much the embeddings' vote counts
HEARD = 8  # passages that are judged by listening, the embeddings' first
UNSURE_NATS = 4.0  # the second passage is quoted, too, if it is closer than this
# How surely a question is one for the handbook: the nats by which it fits better than
# one for a person, and the cosine of the nearest passage. Below: hand over.
SURE_COSINE_NATS, SURE_NATS = 16.0, 6.2
YES = re.compile(r"\W*(yes|yes,? please|please do|do it|ok|okay|sure)\W*", re.I)
NO = re.compile(r"\W*(no|no,? thanks?|no,? thank you|don't|stop)\W*", re.I)
PASSED_ON = "I pass this on to a colleague, who will answer you."
LEFT = "Nothing was changed."


class Reply(NamedTuple):
    """What the customer reads, and how it came about."""

    text: str
    call: Call
    cited: tuple[str, ...] = ()  # ids of passages, or the record that was looked up
    found: tuple[Found, ...] = ()  # passages, best first, with their scores in nats
    heard: Mapping[Call, float] = {}  # every call that was possible, in nats
    waits: bool = False  # for a yes


class Assistant:
    """One customer's conversation. ``openings`` has a text for each of the tools."""

    def __init__(
        self,
        listener: Listener,
        tools: Mapping[str, Tool],
        openings: Mapping[str, str],
        search: Search,
    ):
        self.listener, self.tools, self.search = listener, tools, search
        self.openings = openings
        self.said: list[str] = []
        self.waiting: Call | None = None

    def reply(self, said: str) -> Reply:
        """Answer the customer's next message."""
        call, self.waiting = self.waiting, None
        if call and YES.fullmatch(said):
            return Reply(carry_out(call, self.tools), call, (cites(call),))
        if call and NO.fullmatch(said):
            return Reply(LEFT, call)
        self.said.append(said)
        heard = self.hear_calls()
        return self.answer(max(heard, key=heard.__getitem__), heard)

    def question(self) -> str:
        """What is asked: the last message, after the one before if it is a number or
        a name alone."""
        short = len(self.said) > 1 and len(self.said[-1].split()) < 3
        return " ".join(self.said[-2:]) if short else self.said[-1]

    def hear_calls(self) -> dict[Call, float]:
        """Every call that the customer's words allow, and how well it fits them."""
        calls = calls_from(self.said, self.tools)
        openings = [self.openings[call.tool] for call in calls]
        scores = self.listener.listen(openings, " " + self.question()).tolist()
        return dict(zip(calls, scores, strict=True))

    def answer(self, call: Call, heard: Mapping[Call, float]) -> Reply:
        """Carry out a call, or ask first if it changes anything."""
        call = read_call(call.line(self.tools), self.tools)  # as any model's line
        if call.tool in ("handbook", "person"):
            return self.quote(heard)
        if not self.tools[call.tool].acts:
            text = f"{carry_out(call, self.tools)} [{cites(call)}]"
            return Reply(text, call, (cites(call),), heard=heard)
        self.waiting = call
        text = f"Shall I {call.tool} order {call.value}? Please say yes or no."
        if "order" in self.tools:  # the customer sees what it is about
            text = f"{carry_out(call._replace(tool='order'), self.tools)}\n{text}"
        return Reply(text, call, (cites(call),), heard=heard, waits=True)

    def quote(self, heard: Mapping[Call, float]) -> Reply:
        """The handbook's passage on the question; or hand over, if there seems none."""
        near = self.search(self.question(), HEARD)
        book, person = Call("handbook"), Call("person")
        sure = heard[book] - heard[person] + SURE_COSINE_NATS * near[0].score
        found = self.rank(near)
        if sure < SURE_NATS:
            return Reply(PASSED_ON, person, found=found, heard=heard)
        close = found[0].score - found[1].score < UNSURE_NATS
        best = [place.passage for place in found[: 2 if close else 1]]
        text = "\n".join(f"{passage.text} [{passage.id}]" for passage in best)
        cited = tuple(passage.id for passage in best)
        return Reply(text, book, cited, found, heard)

    def rank(self, near: Sequence[Found]) -> tuple[Found, ...]:
        """The embeddings' first passages in the order of both judges, in nats."""
        openings = [about(place.passage.text) for place in near]
        heard = self.listener.listen(openings, " " + self.question()).tolist()
        scored = [
            Found(place.passage, nats + COSINE_NATS * place.score)
            for place, nats in zip(near, heard, strict=True)
        ]
        return tuple(sorted(scored, key=lambda place: -place.score))


def about(passage: str) -> str:
    """What a question is heard after."""
    return f"From the handbook of a shop: {passage}\nA customer asks:"


def cites(call: Call) -> str:
    """The name of the record that a call looks up."""
    kind = "order" if call.value and call.value.isdigit() else call.tool
    return f"{kind} {call.value}"


def calls_from(said: Sequence[str], tools: Mapping[str, Tool]) -> list[Call]:
    """Calls that a customer's messages allow: a tool's value is of the last message
    that has one."""
    calls: list[Call] = []
    for name, tool in tools.items():
        for words in reversed(said):
            found = possible_calls({name: tool}, words)
            if found:
                calls += found
                break
    return calls
