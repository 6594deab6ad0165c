"""The view of a request and its reply: parts to add, and what the server said to each.

All combinations of the parts are sent once, when the page runs; the view looks up what
came back, byte for byte but for ids and times.
"""

import html
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from insidegpt.show.view import View

AT_ONCE = 8  # requests on their way to the server
HEAD = ("id", "object", "created", "model")  # what all events of a reply share

Json = dict[str, Any]
Reply = tuple[int, str]  # the HTTP status and the body


@dataclass(frozen=True)
class Part:
    """Something to add to a request: fields, or messages before and after the first.

    note: what it does, in words. group: of the parts with this name one at a time.
    """

    label: str
    note: str
    fields: Json = field(default_factory=dict)
    before: Sequence[Json] = ()
    after: Sequence[Json] = ()
    group: str = ""


def build(base: Json, parts: Sequence[Part]) -> Json:
    """A request with some parts added, in their order."""
    messages = list(base["messages"])
    for part in parts:
        messages = [*part.before, *messages, *part.after]
    fields = [part.fields for part in parts]
    return {
        **base,
        "messages": messages,
        **{k: v for f in fields for k, v in f.items()},
    }


def combinations(parts: Sequence[Part]) -> list[list[Part]]:
    rows = product((False, True), repeat=len(parts))
    return [[p for p, on in zip(parts, row, strict=True) if on] for row in rows]


def fits(some: Sequence[Part]) -> bool:
    """Whether no two of them are of one group."""
    groups = [part.group for part in some if part.group]
    return len(groups) == len(set(groups))


def switches(parts: Sequence[Part], some: Sequence[Part]) -> str:
    """A letter for each part: x where it is added, o where it isn't."""
    return "".join("x" if part in some else "o" for part in parts)


def parse(reply: Reply) -> Json:
    """A reply as plain data: its body, or the events of a stream and their head."""
    status, text = reply
    if not text.startswith("data:"):
        return {"status": status, "body": blank(json.loads(text))}
    lines = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
    events = [blank(json.loads(line)) for line in lines if line != "[DONE]"]
    head = {name: events[0][name] for name in HEAD}
    rest = [{k: v for k, v in e.items() if k not in HEAD} for e in events]
    return {"status": status, "head": head, "events": rest, "done": "[DONE]" in lines}


def blank(data: Any) -> Any:
    """Without what differs from run to run; logarithms to three places."""
    if isinstance(data, list):
        return [blank(item) for item in data]
    if not isinstance(data, dict):
        return data
    fixed = {"id": "chatcmpl-\u2026", "created": 0}
    kept = {k: fixed.get(k, blank(v)) for k, v in data.items()}
    if isinstance(kept.get("logprob"), float):
        kept["logprob"] = round(kept["logprob"], 3)
    return kept


def request_view(
    send: Callable[[Json], Reply],
    base: Json,
    parts: Sequence[Part],
    *,
    begin: Sequence[str] = (),
    title: str,
    caption: str,
    alt: str,
) -> View:
    """Every combination of the parts that may be together, and the reply to each.

    send: sends a request and gives back status and body. begin: labels of the parts
    that are added at first.
    """
    chosen = [some for some in combinations(parts) if fits(some)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(send, (build(base, some) for some in chosen)))
    texts = [json.dumps(parse(reply)) for reply in found]
    kept = sorted(set(texts))
    place = {
        switches(parts, s): kept.index(t) for s, t in zip(chosen, texts, strict=True)
    }
    listed = [
        {
            "label": part.label,
            "note": part.note,
            "fields": part.fields,
            "before": list(part.before),
            "after": list(part.after),
            "group": part.group,
            "on": part.label in begin,
        }
        for part in parts
    ]
    data = {"base": base, "parts": listed, "replies": [json.loads(t) for t in kept]}
    data["which"] = place
    first = [part for part in parts if part.label in begin]
    both = build(base, first), data["replies"][place[switches(parts, first)]]
    shown = "".join(f"<pre>{html.escape(json.dumps(x, indent=1))}</pre>" for x in both)
    words = {"title": title, "caption": caption, "alt": alt, "fallback": shown}
    return View("request", data, **words)
