"""What a client gets: events in order, a place in the text, a refusal in time."""

import asyncio
import json
import time
from dataclasses import replace

import httpx
from fastapi import Request
from serving import ASK, idle, is_openai_error

from insidegpt.infer.generate import Sampler
from insidegpt.infer.replies import disconnected


def test_events_tell_who_speaks_what_is_said_and_why_it_ends(post):
    settings = {"max_tokens": 4, "temperature": 0, "stream": True}
    lines = post(content=json.dumps(ASK | settings)).text.split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    events = [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]
    assert {event["object"] for event in events} == {"chat.completion.chunk"}
    choices = [event["choices"][0] for event in events]
    assert choices[0]["delta"] == {"role": "assistant", "content": ""}
    ends = [choice["finish_reason"] for choice in choices]
    assert ends == [None] * (len(ends) - 1) + ["length"]
    text = "".join(choice["delta"].get("content", "") for choice in choices)
    whole = post(content=json.dumps(ASK | settings | {"stream": False})).json()
    assert text == whole["choices"][0]["message"]["content"]


def test_a_token_tells_where_it_stands(client):
    """Where it begins in characters, of which some need several tokens."""
    settings = {"model": "smollm2", "temperature": 0, "max_tokens": 30, "logprobs": 0}
    settings["prompt"] = "Repeat: 😀 ≠ 😀 ≠ 😀 ≠ 😀 ≠ 😀 ≠"
    whole = client.completions.create(**settings).choices[0]
    assert "😀" in whole.text
    chunks = [c.choices[0] for c in client.completions.create(**settings, stream=True)]
    offsets = sum((c.logprobs.text_offset for c in chunks if c.logprobs), [])
    assert offsets == whole.logprobs.text_offset
    assert any("�" in token for token in whole.logprobs.tokens)
    for start, token in zip(offsets, whole.logprobs.tokens, strict=True):
        assert "�" in token or whole.text[start:].startswith(token)


def test_an_answer_that_takes_too_long_ends_there(post, server, monkeypatch):
    batcher = server.app.state.service.batcher
    step = batcher.step
    monkeypatch.setattr(batcher, "step", lambda: (time.sleep(0.02), step())[1])
    server.app.state.limits = replace(server.limits, answer_s=2.0)
    settings = {"max_tokens": 400, "temperature": 2, "seed": 0}
    try:
        response = post(content=json.dumps(ASK | settings))
    finally:
        server.app.state.limits = server.limits
    assert response.json()["choices"][0]["finish_reason"] == "length"
    assert 0 < response.json()["usage"]["completion_tokens"] < 399
    assert idle(server)


def test_whether_a_client_has_gone_is_asked_once():
    """Each time uvicorn would take more of what a client goes on sending."""
    asked, news = [], asyncio.Queue()

    async def receive():
        asked.append(True)
        return await news.get()

    async def watch():
        watching = asyncio.create_task(disconnected(Request({"type": "http"}, receive)))
        await asyncio.sleep(0.5)
        assert len(asked) == 1 and not watching.done()
        news.put_nowait({"type": "http.disconnect"})
        await asyncio.wait_for(watching, timeout=5)

    asyncio.run(watch())


def test_a_request_that_never_got_a_place_is_told_so(post, server):
    """Not an answer of no words: 429, to come back later."""
    service = server.app.state.service
    busy = [
        service.start([1], max_new_tokens=400, sampler=Sampler(2.0)) for _ in range(8)
    ]
    server.app.state.limits = replace(server.limits, answer_s=0.05)
    try:
        refusal = post(content=json.dumps(ASK))
        assert is_openai_error(refusal, 429)["type"] == "rate_limit_exceeded"
        assert int(refusal.headers["Retry-After"]) >= 1
        streamed = post(content=json.dumps(ASK | {"stream": True}))
        assert "No place came free" in streamed.text
    finally:
        server.app.state.limits = server.limits
        for one in busy:
            service.drop(one.job)
    httpx.get(server.url + "/health")
    assert idle(server)
