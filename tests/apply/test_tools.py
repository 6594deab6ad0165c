"""A call is read, or refused in a sentence; arguments come from words that we name."""

import pytest
import regex

from insidegpt.apply.tools import (
    Call,
    Tool,
    carry_out,
    pattern_of,
    possible_calls,
    read_call,
)


def missing(number):
    raise LookupError(f"There is no order {number}.")


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("rules", "look up rules", lambda: "Be kind."),
        Tool("order", "look up an order", missing, "number", r"\b\d{4}\b"),
        Tool("product", "look up", lambda n: f"The {n} is red.", "name", "Rondo rope"),
    )
}


def test_arguments_are_those_that_were_said_each_once():
    calls = possible_calls(TOOLS, "Is 1007 like 1009, or 1007? And 12345, 42?")
    assert calls == [Call("rules"), Call("order", "1007"), Call("order", "1009")]


def test_a_name_is_found_however_it_is_spelled():
    assert Call("product", "rondo ROPE") in possible_calls(TOOLS, "the rondo ROPE?")


def test_a_call_is_read_as_it_was_written():
    for call in possible_calls(TOOLS, "1007, Rondo rope"):
        assert read_call(call.line(TOOLS), TOOLS) == call


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("order 1007", "a line of JSON"),
        ("[" * 100_000, "a line of JSON"),
        ("7", "names one of"),
        ('{"tool": "delete"}', "names one of"),
        ('{"tool": "order"}', "takes number alone"),
        ('{"tool": "order", "number": 1007, "all": true}', "takes number alone"),
        ('{"tool": "rules", "number": 1007}', "takes no argument"),
        ('{"tool": "order", "number": "1007 OR 1=1"}', "is no number"),
        ('{"tool": "order", "number": [1007]}', "is no number"),
        ('{"tool": "product", "name": "Rondo ropes"}', "is no name"),
    ],
)
def test_what_is_no_call_is_named(line, why):
    with pytest.raises(ValueError, match=why):
        read_call(line, TOOLS)


def test_the_pattern_holds_these_calls_and_nothing_else():
    calls = possible_calls(TOOLS, "1007")
    pattern = pattern_of(calls, TOOLS)
    assert all(regex.fullmatch(pattern, call.line(TOOLS)) for call in calls)
    assert not regex.fullmatch(pattern, Call("order", "1008").line(TOOLS))
    assert not regex.fullmatch(pattern, calls[1].line(TOOLS) + " ")


def test_a_tool_runs_and_a_refusal_is_a_sentence():
    assert carry_out(Call("rules"), TOOLS) == "Be kind."
    assert carry_out(Call("order", "1007"), TOOLS) == "There is no order 1007."
