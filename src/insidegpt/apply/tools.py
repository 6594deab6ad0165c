"""Tool calls as one line of JSON: written under constraint, read, checked, carried out.

What a model writes is a wish; only ``carry_out`` does anything. A call's argument has
to be a value that occurs in words that we name, so a model can't make up an order
number. Page: applications/customer-service.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import regex


class Tool(NamedTuple):
    """Something that a model may ask for."""

    name: str
    does: str  # said to the model
    run: Callable[..., str]  # of the argument, if there is one; its result as text
    argument: str | None = None  # its name
    values: str = ""  # a pattern of its values
    acts: bool = False  # whether it changes anything


class Call(NamedTuple):
    """A tool that was asked for, and with what."""

    tool: str
    value: str | None = None

    def line(self, tools: Mapping[str, Tool]) -> str:
        """The call as JSON."""
        argument = tools[self.tool].argument
        pairs: dict[str, Any] = {"tool": self.tool}
        if argument:
            pairs[argument] = int(self.value) if self.value.isdigit() else self.value
        return json.dumps(pairs)


def possible_calls(tools: Mapping[str, Tool], words: str) -> list[Call]:
    """Every call whose argument occurs in ``words``."""
    calls = []
    for tool in tools.values():
        if tool.argument is None:
            calls.append(Call(tool.name))
            continue
        found = regex.findall(tool.values, words, regex.IGNORECASE)
        calls += [Call(tool.name, value) for value in dict.fromkeys(found)]
    return calls


def pattern_of(calls: Iterable[Call], tools: Mapping[str, Tool]) -> str:
    """A regular expression that the lines of these calls match, and nothing else."""
    return "|".join(regex.escape(call.line(tools)) for call in calls)


def read_call(line: str, tools: Mapping[str, Tool]) -> Call:
    """The call in a line of JSON. ValueError, in a sentence, for anything else."""
    try:
        pairs = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError(f"A call is a line of JSON, not {line!r}.") from None
    if not isinstance(pairs, dict) or pairs.get("tool") not in tools:
        raise ValueError(f"A call names one of {', '.join(tools)}, unlike {line!r}.")
    tool = tools[pairs.pop("tool")]
    if set(pairs) != ({tool.argument} if tool.argument else set()):
        wanted = f"{tool.argument} alone" if tool.argument else "no argument"
        raise ValueError(f"{tool.name} takes {wanted}, unlike {line!r}.")
    if not tool.argument:
        return Call(tool.name)
    value = str(pairs[tool.argument])
    if not regex.fullmatch(tool.values, value, regex.IGNORECASE):
        raise ValueError(f"{value!r} is no {tool.argument} for {tool.name}.")
    return Call(tool.name, value)


def carry_out(call: Call, tools: Mapping[str, Tool]) -> str:
    """What the tool says, or the sentence with which it refuses."""
    arguments: Sequence[str] = () if call.value is None else (call.value,)
    try:
        return tools[call.tool].run(*arguments)
    except LookupError as error:
        return str(error.args[0])
