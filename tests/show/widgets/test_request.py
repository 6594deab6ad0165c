"""The view of a request shows what was sent and what the server said to it."""

import json
from itertools import product

from viewed import WORDS, stored

from insidegpt.show import widgets
from insidegpt.show.widgets.request import build, parse

BASE = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
SYSTEM, AGAIN = {"role": "system", "content": "Be short."}, {"role": "user"}
PARTS = [
    widgets.Part("system message", "It comes first.", before=[SYSTEM]),
    widgets.Part("second turn", "It comes last.", after=[AGAIN]),
    widgets.Part("stop", "It ends there.", {"stop": ["."]}),
]


def echo(request):
    return 200, json.dumps({"id": "17", "created": 99, "echo": request})


def test_parts_are_added_before_and_after_the_messages_and_as_fields():
    request = build(BASE, PARTS)
    assert request["messages"] == [SYSTEM, *BASE["messages"], AGAIN]
    assert request["stop"] == ["."] and "stop" not in BASE
    assert build(BASE, []) == BASE


def test_each_combination_has_the_reply_to_that_request():
    data = stored(widgets.request_view(echo, BASE, PARTS, title="T", **WORDS))
    assert len(data["which"]) == 8
    for row in product("ox", repeat=3):
        some = [part for part, on in zip(PARTS, row, strict=True) if on == "x"]
        body = data["replies"][data["which"]["".join(row)]]["body"]
        assert body["echo"] == build(BASE, some)
        assert body["id"] == "chatcmpl-…" and body["created"] == 0


def test_equal_replies_are_kept_once():
    def refuse(request):
        return 400, '{"error": {"message": "No."}}'

    data = stored(widgets.request_view(refuse, BASE, PARTS, title="T", **WORDS))
    assert len(data["replies"]) == 1 and set(data["which"].values()) == {0}


def test_parts_of_a_group_are_never_sent_together():
    sent = []

    def note(request):
        sent.append(set(request) - set(BASE))
        return echo(request)

    one = {"group": "how it ends"}
    parts = [*PARTS[:2], *(widgets.Part(n, "", {n: 1}, **one) for n in ("stop", "max"))]
    data = stored(widgets.request_view(note, BASE, parts, title="T", **WORDS))
    assert len(sent) == len(data["which"]) == 4 * 3
    assert {"stop", "max"} not in sent and "ooxx" not in data["which"]


def test_a_stream_is_kept_as_events_with_their_head_once():
    head = {"id": "1", "object": "chunk", "created": 5, "model": "m"}
    chunks = [head | {"choices": [{"delta": {"content": c}}]} for c in "ab"]
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    reply = parse((200, "".join([*lines, "data: [DONE]\n\n"])))
    assert reply["head"] == head | {"id": "chatcmpl-…", "created": 0}
    assert [e["choices"][0]["delta"]["content"] for e in reply["events"]] == ["a", "b"]
    assert reply["done"] and set(reply["events"][0]) == {"choices"}


def test_logarithms_are_kept_to_three_places():
    body = {"choices": [{"logprobs": [{"token": "a", "logprob": -0.123456}]}]}
    kept = parse((200, json.dumps(body)))["body"]["choices"][0]["logprobs"]
    assert kept == [{"token": "a", "logprob": -0.123}]
