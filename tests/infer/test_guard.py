"""What is stopped at the door, and what is not written down."""

import asyncio
import json
import logging
import socket
import time
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from serving import is_openai_error, running

from insidegpt.infer.guard import Impatient


def connection(url):
    parts = urlsplit(url)
    client = socket.create_connection((parts.hostname, parts.port))
    client.settimeout(5)
    return client


@pytest.mark.parametrize("key", [None, "", "sk-wrong", "sk-secret-of-the-test", "ä"])
def test_without_the_right_key_nothing_is_served(server, key):
    value = f"Bearer {key}".strip().encode()
    headers = {} if key is None else {b"Authorization": value}
    for path in ("/v1/models", "/v1/chat/completions", "/v1/nowhere"):
        response = httpx.post(server.url + path, headers=headers, content=b"{")
        error = is_openai_error(response, 401)
        assert error["code"] == "invalid_api_key"


def test_a_body_of_ten_megabytes_is_refused(post):
    is_openai_error(post(content=b"x" * 10_000_000), 413)


def test_a_client_that_sends_too_slowly_is_refused(server):
    with connection(server.url) as client:
        client.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
            b"Authorization: Bearer " + server.key.encode() + b"\r\n"
            b"Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{"
        )
        assert b"408" in client.recv(100)


def test_nothing_logged_holds_the_prompt_or_the_key(post, server, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    secret = "xyzzy-plugh"
    message = [{"role": "user", "content": secret}]
    post(content=json.dumps({"model": "smollm2", "messages": message, "max_tokens": 2}))
    post(content=json.dumps({"model": secret, "messages": secret}))
    post(content=secret.encode())
    wrong = {"Authorization": f"Bearer {secret}"}
    post(content=b"{}", headers=wrong)
    out = caplog.text + "".join(capfd.readouterr())
    assert "POST" in out  # there is a log
    assert secret not in out and server.key not in out


def test_who_is_refused_keeps_the_connection_if_the_body_is_there(server):
    """Nobody reads it, but it is only 3 bytes: no reason for a new connection."""
    with connection(server.url) as client:
        for _ in range(2):
            head = b"POST /v1/models HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"
            client.sendall(head + b"abc")
            answer = client.recv(1000)
            assert b" 401 " in answer and b"connection: close" not in answer


@pytest.mark.parametrize("path", ["/v1/models", "/nowhere"])
def test_who_has_an_answer_can_not_go_on_sending(server, path):
    """A body that drips after its request was refused holds no connection."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n"
    with connection(server.url) as client:
        client.sendall(head.encode())
        assert b"connection: close" in client.recv(1000)
        with pytest.raises(OSError, match="reset|pipe"):
            for _ in range(50):
                client.sendall(b"x")
                time.sleep(0.02)


class Hasty(Impatient):
    seconds = 0.8


@pytest.fixture(scope="module")
def hasty():
    """The address of a server that waits less than a second for its clients."""
    app = FastAPI()

    @app.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(3 * Hasty.seconds)
        return "done"

    @app.get("/much")
    async def much() -> StreamingResponse:
        return StreamingResponse(b"x" * 100_000 for _ in range(1000))

    with running(app, http=Hasty) as url:
        yield url


@pytest.mark.parametrize("words", [b"", b"GET / HT", b"GET /slow HTTP/1.1\r\nHost:"])
def test_who_asks_for_nothing_is_cut(hasty, words):
    with connection(hasty) as client:
        client.sendall(words)
        with suppress(ConnectionResetError):
            assert client.recv(100) == b""


def test_who_asks_for_half_of_a_second_thing_is_cut(hasty):
    """Letter by letter; the clock of an idle connection has stopped by then."""
    with connection(hasty) as client:
        client.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(100_000).startswith(b"HTTP/1.1 200")
        start = time.monotonic()
        with pytest.raises(OSError, match="reset|pipe"):
            for letter in b"GET /openapi.json HTTP/1.1" * 10:
                client.sendall(bytes([letter]))
                time.sleep(0.1)
        assert time.monotonic() - start < 3 * Hasty.seconds


def test_a_connection_that_asks_again_and_again_is_kept(hasty):
    with httpx.Client() as client:
        for _ in range(3):
            assert client.get(f"{hasty}/slow").json() == "done"
            time.sleep(Hasty.seconds / 4)
        pool = client._transport._pool
        assert len(pool.connections) == 1


def test_who_does_not_read_is_cut(hasty):
    """In the middle of a hundred megabytes; who reads gets them all."""
    assert len(httpx.get(f"{hasty}/much").content) == 100_000_000
    with connection(hasty) as client:
        client.sendall(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(3 * Hasty.seconds)
        read = 0
        with suppress(ConnectionResetError):
            while piece := client.recv(1_000_000):
                read += len(piece)
        assert read < 100_000_000


def test_who_waits_for_an_answer_is_not_cut(hasty):
    assert httpx.get(f"{hasty}/slow").json() == "done"
