"""What is stopped at the door, and what is not written down."""

import json
import logging
import socket
from urllib.parse import urlsplit

import httpx
import pytest
from serving import is_openai_error


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
    url = urlsplit(server.url)
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
            b"Authorization: Bearer " + server.key.encode() + b"\r\n"
            b"Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{"
        )
        connection.settimeout(5)
        assert b"408" in connection.recv(100)


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
