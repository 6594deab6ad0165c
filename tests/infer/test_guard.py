"""What is stopped at the door, and what is not written down."""

import asyncio
import http.client
import json
import logging
import socket
import time
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI, Response
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
    client = http.client.HTTPConnection(urlsplit(server.url).netloc)
    for _ in range(2):
        client.request("POST", "/v1/models", body=b"abc")
        answer = client.getresponse()
        assert answer.status == 401 and answer.headers["connection"] is None
        answer.read()


def test_who_sends_too_much_hears_so_and_may_ask_again(server):
    """The rest of the body is read and forgotten."""
    client = http.client.HTTPConnection(urlsplit(server.url).netloc)
    headers = {"Authorization": f"Bearer {server.key}"}
    for key, status in ((headers, 413), ({}, 401)):
        client.request("POST", "/v1/completions", b"x" * 4_000_000, headers=key)
        answer = client.getresponse()
        assert answer.status == status and answer.headers["connection"] is None
        answer.read()


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

    def connection_made(self, transport):
        own = transport.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        super().connection_made(transport)


@pytest.fixture(scope="module")
def hasty():
    """A server that waits less than a second for its clients, and the kernel takes
    little of what it sends."""
    app = FastAPI()

    @app.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(3 * Hasty.seconds)
        return "done"

    @app.get("/much")
    async def much() -> StreamingResponse:
        return StreamingResponse(b"x" * 100_000 for _ in range(100))

    @app.get("/some")
    async def some() -> Response:
        return Response(b"x" * 50_000)

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
    client = http.client.HTTPConnection(urlsplit(hasty).netloc)
    client.connect()
    client.auto_open = False  # no other connection than this
    for _ in range(3):
        client.request("GET", "/slow")
        assert client.getresponse().read() == b'"done"'
        time.sleep(Hasty.seconds / 4)


def test_who_does_not_read_is_cut(hasty):
    """In the middle of ten megabytes; who reads gets them all."""
    assert len(httpx.get(f"{hasty}/much").content) == 10_000_000
    with connection(hasty) as client:
        client.sendall(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(3 * Hasty.seconds)
        read = 0
        with suppress(ConnectionResetError):
            while piece := client.recv(1_000_000):
                read += len(piece)
        assert read < 10_000_000


def test_who_leaves_a_little_unread_is_cut(hasty):
    """As little as asyncio holds without a word, and while it is closing."""
    answers = []
    for pause in (0, 3 * Hasty.seconds):
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(5)
            client.connect((urlsplit(hasty).hostname, urlsplit(hasty).port))
            client.sendall(b"GET /some HTTP/1.0\r\n\r\n")
            time.sleep(pause)
            answers.append(client.makefile("rb").read())
    assert len(answers[0]) > 50_000 > len(answers[1]) > 0


def test_who_waits_for_an_answer_is_not_cut(hasty):
    assert httpx.get(f"{hasty}/slow").json() == "done"
