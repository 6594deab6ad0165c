"""Many clients at once, some of whom leave, and a model that breaks."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import openai
import pytest
from serving import ASK, idle, is_openai_error, until

from insidegpt.infer.generate import Sampler
from insidegpt.infer.service import Overloaded
from insidegpt.infer.stream import answer


def test_many_at_once_get_what_each_would_get_alone(client, packed, tokenizer):
    """Twelve clients, eight slots, four places to wait."""

    questions = [f"Tell me about the number {n}." for n in range(12)]
    questions = [[{"role": "user", "content": text}] for text in questions]

    def ask(n):
        reply = client.chat.completions.create(
            model="smollm2", messages=questions[n], max_tokens=20 + n, seed=n
        )
        return reply.choices[0].message.content

    with ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(ask, range(12)))
    for n, reply in enumerate(replies):
        settings = {"max_new_tokens": 20 + n, "temperature": 1, "seed": n}
        assert reply == "".join(answer(packed, tokenizer, questions[n], **settings))


def test_too_many_are_told_to_come_back(client, server):
    """8 run and 4 wait; the others get 429. Nobody else is affected."""

    def ask(n):
        try:
            settings = {"max_tokens": 60, "temperature": 1, "seed": n}
            return client.chat.completions.create(**ASK, **settings).object
        except openai.RateLimitError as error:
            return error.code

    with ThreadPoolExecutor(30) as pool:
        got = list(pool.map(ask, range(30)))
    assert set(got) == {"chat.completion", "rate_limit_exceeded"}
    assert got.count("chat.completion") >= 12
    assert idle(server)


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_away_frees_its_place(server, stream):
    settings = {"max_tokens": 400, "stream": stream, "temperature": 2, "seed": 0}
    body = json.dumps(ASK | settings)
    url = urlsplit(server.url)
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
            b"Authorization: Bearer " + server.key.encode() + b"\r\n"
            b"Content-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body.encode()
        )
        answers = server.app.state.service.answers
        assert until(lambda: len(answers) == 1)
        (job,) = answers
        assert until(lambda: len(job.text) > job.end - 400)  # it has begun
    assert idle(server)
    assert len(job.text) < job.end


def test_a_fault_in_a_step_ends_its_texts_and_not_the_service(
    post, server, monkeypatch
):
    service = server.app.state.service
    batcher = service.batcher

    def broken(*_):
        raise MemoryError("no memory for xyzzy")

    monkeypatch.setattr(batcher, "next_logits", broken)
    unread = service.start([1, 2], max_new_tokens=400, sampler=Sampler(2.0))
    error = is_openai_error(post(content=json.dumps(ASK)), 500)
    assert "xyzzy" not in error["message"]
    streamed = post(content=json.dumps(ASK | {"stream": True}))
    assert "server_error" in streamed.text and "[DONE]" not in streamed.text
    assert until(lambda: not batcher.busy)  # whether its client reads or not
    service.drop(unread.job)
    monkeypatch.undo()
    assert post(content=json.dumps(ASK | {"max_tokens": 3})).status_code == 200
    assert idle(server)


def test_clients_that_leave_the_queue_leave_no_trace(post, server):
    """One text in every slot; those who wait go away, and others may wait again."""
    service = server.app.state.service
    ids, settings = [1, 2], {"max_new_tokens": 400, "sampler": Sampler(2.0)}
    running = [service.start(ids, **settings) for _ in range(8)]
    waiting = [service.start(ids, **settings) for _ in range(4)]
    with pytest.raises(Overloaded):
        service.start(ids, **settings)
    assert is_openai_error(post(content=json.dumps(ASK)), 429)
    for one in waiting:
        service.drop(one.job)
    service.check_load()  # there is room again, though no slot is free
    for one in running:
        service.drop(one.job)
    httpx.get(server.url + "/health")  # wakes the loop: this is another thread
    assert idle(server)


def test_a_hopeless_prompt_is_refused_before_it_is_encoded(post, server):
    start = time.monotonic()
    body = ASK | {"messages": [{"role": "user", "content": "ä" * 400_000}]}
    is_openai_error(post(content=json.dumps(body, ensure_ascii=False).encode()), 400)
    assert time.monotonic() - start < 1


def test_many_wrong_things_cost_no_more_than_one(post):
    start = time.monotonic()
    for wrong in ([1] * 300_000, [{}] * 200_000):
        error = is_openai_error(
            post(content=json.dumps(ASK | {"messages": wrong})), 400
        )
        assert error["param"].startswith("messages.0")
    assert time.monotonic() - start < 2


def test_a_stop_string_frees_the_place_though_nobody_reads(server, tokenizer):
    service = server.app.state.service
    settings = {"max_new_tokens": 400, "sampler": Sampler(0.0), "stop": [","]}
    job = service.start(tokenizer.encode("One, two, three,"), **settings).job
    httpx.get(server.url + "/health")  # wakes the loop: this is another thread
    assert until(lambda: len(job.text) > job.end - 400)  # it has begun
    assert until(lambda: not service.batcher.busy)
    assert len(job.text) < job.end
    service.drop(job)
    assert idle(server)
