"""The server as OpenAI's own client sees it, as browsers do, and as a fuzzer does."""

import asyncio
import json
import logging
import socket
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import openai
import pytest
import schemathesis
from fastapi import Request
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from serving import (
    CHAT,
    ENDLESS,
    HTTP,
    KEY,
    ORIGIN,
    SAID,
    TEXT_END,
    TOKENIZER,
    TURN,
    is_openai_error,
    running,
    texts,
    until,
)

from insidegpt.infer.chat import answer
from insidegpt.infer.sampling import Sampling
from insidegpt.serve.app import make_app
from insidegpt.serve.replies import disconnected
from insidegpt.serve.scheduler import Scheduler


def test_a_chat_completion_is_what_the_model_says(client):
    reply = client.chat.completions.create(**CHAT)
    assert reply.choices[0].message.content == SAID
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.completion_tokens == len(SAID) + 1
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + len(SAID) + 1


def test_streamed_and_sampled_it_is_the_same_for_the_same_seed(client, server):
    asked = CHAT | {"temperature": 1.4, "top_p": 0.95, "seed": 11, "max_tokens": 40}
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(client.chat.completions.create(**asked, **options))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert chunks[0].choices[0].delta.role == "assistant"
    whole = client.chat.completions.create(**asked)
    assert whole.choices[0].message.content == text != SAID
    assert chunks[-1].usage == whole.usage
    sampling = Sampling(1.4, top_p=0.95, seed=11)
    right = answer(server.model, TOKENIZER, TURN, max_new_tokens=40, sampling=sampling)
    assert "".join(right) == text


def test_a_completion_of_text_begins_as_the_model_was_trained_to(client):
    """And ids are taken as they are."""
    asked = {"model": "mock", "temperature": 0, "max_tokens": 3}
    text = client.completions.create(prompt="x", **asked)
    ids = client.completions.create(prompt=[TEXT_END, ord("x")], **asked)
    assert text.choices[0].text == ids.choices[0].text == "yxy"
    assert text.usage == ids.usage and text.usage.prompt_tokens == 2
    assert text.choices[0].finish_reason == "length"


@pytest.mark.parametrize("prompt", ["e", f"\n{SAID}"])
def test_a_completion_stops_at_each_of_the_end_ids(client, prompt):
    reply = client.completions.create(**ENDLESS | {"prompt": prompt})
    assert reply.choices[0].text == "" and reply.choices[0].finish_reason == "stop"


def test_it_stops_before_a_stop_string(client):
    for stop in ("xy", ["?", "xy"]):
        reply = client.completions.create(**ENDLESS | {"stop": stop})
        assert reply.choices[0].text == "y"
        assert reply.choices[0].finish_reason == "stop"


def test_top_logprobs_do_not_collapse(client):
    """The four bytes of a face are no character each."""
    asked = ENDLESS | {"prompt": "q", "max_tokens": 4, "logprobs": 5}
    logprobs = client.completions.create(**asked).choices[0].logprobs
    assert logprobs.tokens[0] == r"bytes:\xf0"
    assert [len(entries) for entries in logprobs.top_logprobs] == [5] * 4
    found = [e[t] for e, t in zip(logprobs.top_logprobs, logprobs.tokens, strict=True)]
    assert found == logprobs.token_logprobs


def test_the_probabilities_of_a_chat_are_counted_by_token(client):
    reply = client.chat.completions.create(**CHAT, logprobs=True, top_logprobs=3)
    content = reply.choices[0].logprobs.content
    assert "".join(entry.token for entry in content) == SAID
    assert all(len(entry.top_logprobs) == 3 for entry in content)


def test_events_are_framed_as_openais_clients_want_them(post):
    response = post(content=json.dumps(CHAT | {"stream": True}))
    assert response.headers["X-Accel-Buffering"] == "no"  # a proxy passes them on
    lines = response.text.split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    events = [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]
    assert {event["object"] for event in events} == {"chat.completion.chunk"}
    choices = [event["choices"][0] for event in events]
    ends = [choice["finish_reason"] for choice in choices]
    assert ends == [None] * (len(ends) - 1) + ["stop"]


def test_an_answer_can_be_sent_back_as_it_came(client):
    """As programs do with OpenAI's library."""
    said = client.chat.completions.create(**CHAT).choices[0].message
    for message in (said, said.model_dump()):
        messages = [*TURN, message, *TURN]
        reply = client.chat.completions.create(**CHAT | {"messages": messages})
        assert reply.choices[0].message.content == SAID


def test_models_and_health_answer_to_get_and_head(client, server):
    assert [model.id for model in client.models.list()] == ["mock"]
    assert client.models.retrieve("mock").owned_by == "insidegpt"
    health = {"status": "ok", "running": 0, "waiting": 0}
    assert httpx.get(server.url + "/health").json() == health
    headers = {"Authorization": f"Bearer {KEY}"}
    for path in ("/health", "/v1/models", "/v1/models/mock", "/openapi.json"):
        head = httpx.head(server.url + path, headers=headers)
        assert head.status_code == 200 and head.content == b""


def test_errors_have_openais_shape(post, server):
    is_openai_error(post("embeddings", content=b"{}"), 404)
    is_openai_error(httpx.get(server.url + "/nowhere"), 404)
    is_openai_error(httpx.post(server.url + "/health"), 405)
    is_openai_error(post(content=b'{"model": '), 400)
    error = is_openai_error(post(content=json.dumps(CHAT | {"model": "gpt-5"})), 404)
    assert error["code"] == "model_not_found" and error["param"] == "model"
    error = is_openai_error(post(content=json.dumps(CHAT | {"max_tokens": -1})), 400)
    assert error["param"] == "max_tokens"


@pytest.mark.parametrize(
    "fields", [{"max_tokens": 401}, {"max_tokens": 10**30}, {"prompt": [1] * 101}]
)
def test_what_does_not_fit_the_limits_is_called_that(post, fields):
    response = post("completions", content=json.dumps(ENDLESS | fields))
    assert is_openai_error(response, 400)["code"] == "context_length_exceeded"


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b'"x"', b"[" * 100_000, b'{"model": "\xff"}'),
        json.dumps(CHAT | {"messages": [{"role": "user", "content": "\ud800"}]}),
        json.dumps(CHAT | {"metadata": {"\ud800": 1}}),
        '{"max_tokens": ' + "9" * 5000 + "}",
        json.dumps(CHAT)[:-1] + ', "temperature": NaN}',
    ],
)
def test_bodies_that_are_no_request_are_refused(post, body):
    is_openai_error(post(content=body), 400)


@pytest.mark.parametrize("key", [None, "", "sk-wrong", KEY[:-1], "ä"])
def test_without_the_right_key_nothing_is_served(server, key):
    value = f"Bearer {key}".strip().encode()
    headers = {} if key is None else {b"Authorization": value}
    for path in ("/v1/models", "/v1/models/mock"):
        response = httpx.get(server.url + path, headers=headers)
        assert is_openai_error(response, 401)["code"] == "invalid_api_key"
    for path in ("/v1/chat/completions", "/v1/completions"):
        response = httpx.post(server.url + path, headers=headers, json=CHAT)
        is_openai_error(response, 401)


def test_a_key_may_have_any_letters(model):
    with running(make_app(model, TOKENIZER, key="ключ")) as url:
        headers = {b"Authorization": "Bearer ключ".encode()}
        assert httpx.get(f"{url}/v1/models", headers=headers).status_code == 200


def test_without_a_key_everybody_is_served(model):
    with running(make_app(model, TOKENIZER)) as url:
        assert httpx.get(f"{url}/v1/models").status_code == 200


PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-stainless-lang",
}


def test_a_browsers_preflight_passes_from_an_origin_that_is_allowed(server):
    """It has no key: browsers send none with it."""
    url, headers = f"{server.url}/v1/chat/completions", PREFLIGHT | {"Origin": ORIGIN}
    answer = httpx.options(url, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    error = httpx.post(url, headers={"Origin": ORIGIN}, json=CHAT)
    is_openai_error(error, 401)  # which the page can read:
    assert error.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_other_origins_are_not_allowed_and_by_default_none_is(server, model):
    with running(make_app(model, TOKENIZER)) as closed:
        for url, origin in ((server.url, "http://evil.example"), (closed, ORIGIN)):
            headers = PREFLIGHT | {"Origin": origin}
            answer = httpx.options(f"{url}/v1/chat/completions", headers=headers)
            assert answer.status_code >= 400
            assert "Access-Control-Allow-Origin" not in answer.headers


def test_an_origin_may_end_in_a_slash(model):
    with running(make_app(model, TOKENIZER, origins=[f"{ORIGIN}/"])) as url:
        answer = httpx.get(f"{url}/health", headers={"Origin": ORIGIN})
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.parametrize("kind", ["Application/JSON; charset=utf-8", "a/b+json", None])
def test_a_json_body_may_say_so_or_say_nothing(server, kind):
    headers = {"Authorization": f"Bearer {KEY}"} | (
        {"Content-Type": kind} if kind else {}
    )
    url, body = f"{server.url}/v1/chat/completions", json.dumps(CHAT).encode()
    status = httpx.post(url, headers=headers, content=body).status_code
    assert status == (400 if kind == "a/b+json" else 200)


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain"])
def test_another_content_type_is_what_the_error_names(post, kind):
    response = post(content=json.dumps(CHAT), headers={"Content-Type": kind})
    assert "Content-Type" in is_openai_error(response, 400)["message"]


def test_the_body_limit_is_kept_whether_the_size_is_told_or_not(post):
    large = b"x" * 1_000_001
    assert post(content=large).status_code == 413
    assert post(content=iter([large])).status_code == 413
    assert post(content=b" " * 900_000 + json.dumps(CHAT).encode()).status_code == 200


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_away_frees_its_place(server, stream):
    body = json.dumps(ENDLESS | {"stream": stream})
    head = (
        f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    server.model.may_step.clear()
    url = urlsplit(server.url)
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(head.encode() + body.encode())
        assert until(lambda: texts(server) == (1, 0))
    steps = Counter()
    step = server.model.step
    server.model.step = lambda *_: (steps.update("s"), step(*_))[1]
    server.model.may_step.set()
    assert until(lambda: texts(server) == (0, 0))
    del server.model.step
    assert steps["s"] < 300


def test_a_place_is_freed_in_the_thread_that_gave_it(model, monkeypatch):
    """The event loop's: what it frees is not safe to touch from another."""
    threads, answering = [], Scheduler.answering

    @contextmanager
    def watched(self, *ids, **settings):
        threads.append(threading.get_ident())
        with answering(self, *ids, **settings) as answer:
            yield answer
        threads.append(threading.get_ident())

    monkeypatch.setattr(Scheduler, "answering", watched)
    with running(make_app(model, TOKENIZER, name="mock")) as url:
        assert HTTP.post(f"{url}/v1/chat/completions", json=CHAT).status_code == 200
    assert len(threads) == 2 and len(set(threads)) == 1


def test_whether_a_client_has_gone_is_asked_once():
    """Each time uvicorn would take more of what a client goes on sending."""
    asked, news = [], asyncio.Queue()

    async def receive():
        asked.append(True)
        return await news.get()

    async def watch():
        watching = asyncio.create_task(disconnected(Request({"type": "http"}, receive)))
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(asked) == 1 and not watching.done()
        news.put_nowait({"type": "http.disconnect"})
        await asyncio.wait_for(watching, timeout=60)

    asyncio.run(watch())


def test_overload_is_told_with_the_time_to_come_back(client, post, server):
    """Three run and two wait; the sixth gets 429. Nobody else is affected."""
    server.model.may_step.clear()
    with ThreadPoolExecutor(5) as pool:
        asked = ENDLESS | {"max_tokens": 5}
        replies = [pool.submit(client.completions.create, **asked) for _ in range(5)]
        assert until(lambda: sum(texts(server)) == 5)
        refused = post("completions", content=json.dumps(ENDLESS))
        server.model.may_step.set()
    assert is_openai_error(refused, 429)["code"] == "rate_limit_exceeded"
    assert int(refused.headers["Retry-After"]) >= 1
    assert {reply.result().choices[0].text for reply in replies} == {"yxyxy"}


def test_a_fault_in_the_model_ends_its_texts_with_an_error(client, post, server):
    server.model.fault = MemoryError("no memory for xyzzy")
    error = is_openai_error(post("completions", content=json.dumps(ENDLESS)), 500)
    assert error["type"] == "server_error" and "xyzzy" not in error["message"]
    with pytest.raises(openai.APIError, match="The model failed on this text"):
        list(client.completions.create(**ENDLESS, stream=True))
    server.model.fault = None
    assert client.chat.completions.create(**CHAT).choices[0].message.content == SAID


def test_nothing_logged_holds_the_prompt_or_the_key(post, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    secret = "xyzzy-plugh"
    turn = [{"role": "user", "content": secret}]
    assert post(content=json.dumps(CHAT | {"messages": turn})).status_code == 200
    post(content=json.dumps({"model": secret, "messages": secret}))
    post(content=secret.encode())
    post(content=b"{}", headers={"Authorization": f"Bearer {secret}"})
    out = caplog.text + "".join(capfd.readouterr())
    assert "POST" in out  # there is a log
    assert secret not in out and KEY not in out


def test_no_request_that_the_description_allows_breaks_it(server):
    """schemathesis, over all routes, from the server's own OpenAPI description."""
    schema = schemathesis.openapi.from_url(server.url + "/openapi.json")
    operations = list(schema.get_all_operations())
    seen = Counter()

    @settings(
        suppress_health_check=list(HealthCheck),
        max_examples=40,
        phases=[Phase.generate],
    )
    @given(data=st.data())
    def fuzz(data):
        for operation in operations:
            case = data.draw(operation.ok().as_strategy())
            case.headers["Authorization"] = f"Bearer {KEY}"
            if isinstance(case.body, dict) and data.draw(st.booleans()):
                case.body["model"] = "mock"  # else it would always be 404
            seen[case.call(timeout=60).status_code] += 1
            assert max(seen) < 500, case.as_curl_command()

    fuzz()
    assert {200, 400, 404} <= set(seen), seen


@pytest.mark.slow
def test_smollm2_behind_it_is_smollm2(smollm2, tokenizer):
    turn = [{"role": "user", "content": "What is the capital of France?"}]
    with running(make_app(smollm2, tokenizer)) as url:
        api = openai.OpenAI(base_url=f"{url}/v1", api_key="none")
        asked = {"model": "smollm2", "messages": turn, "temperature": 0}
        reply = api.chat.completions.create(**asked, max_tokens=20)
    assert reply.choices[0].message.content == "The capital of France is Paris."
