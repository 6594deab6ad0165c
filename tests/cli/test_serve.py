"""``insidegpt serve`` as its users meet it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys

import httpx
import pytest
import uvicorn
from click.testing import CliRunner
from serving import HTTP, TOKENIZER, Bigram

from insidegpt.__main__ import main
from insidegpt.cli import serve


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def run(monkeypatch):
    """Run the command with a mock model, up to where uvicorn would take over.

    Returns what it printed, the app, and the address that was bound.
    """
    taken = []

    def take_over(server, sockets):
        taken[:] = server.config.app, sockets[0].getsockname()[:2]

    monkeypatch.setattr(serve, "load", lambda source, bits: (Bigram(), TOKENIZER))
    monkeypatch.setattr(uvicorn.Server, "run", take_over)

    def call(*options, **env):
        port = free_port()
        given = ["serve", "--port", str(port), *options]
        result = CliRunner().invoke(main, given, env=env)
        assert result.exit_code == 0, result.output
        return result.output, *taken, port

    return call


def status(app, key=None, **headers):
    """Of a request for the list of models."""
    headers |= {"Authorization": f"Bearer {key}"} if key else {}

    async def ask():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as api:
            return await api.get("/v1/models", headers=headers)

    return asyncio.run(ask())


def test_it_says_where_it_answers_when_it_can(run):
    output, _, address, port = run()
    assert output == f"smollm2 answers at http://127.0.0.1:{port}/v1, Ctrl-C ends.\n"
    assert address == ("127.0.0.1", port)


def test_an_ipv6_host_is_printed_as_a_url_has_it(run):
    output, _, address, port = run("--host", "::1")
    assert f"http://[::1]:{port}/v1" in output and address == ("::1", port)


def test_a_taken_port_is_one_sentence_before_anything_is_loaded(monkeypatch):
    monkeypatch.setattr(serve, "load", lambda *_: pytest.fail("loaded"))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        result = CliRunner().invoke(main, ["serve", "--port", port])
    assert result.exit_code == 1 and "--port" in result.output
    assert result.output.startswith("Error: ") and "answers at" not in result.output


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.7"])
def test_a_host_that_is_not_ours_is_one_sentence(host):
    result = CliRunner().invoke(main, ["serve", "--host", host])
    assert result.exit_code == 1 and "--host" in result.output
    assert result.output.startswith("Error: ")


def test_the_key_comes_from_the_variable_and_an_empty_one_is_none(run):
    _, app, *_ = run(INSIDEGPT_API_KEY="sk-1")
    assert status(app).status_code == 401
    assert status(app, key="sk-1").status_code == 200
    _, app, *_ = run(INSIDEGPT_API_KEY="")
    assert status(app).status_code == 200


def test_every_allowed_origin_is_allowed(run):
    first, second = "http://a.example", "http://b.example"
    _, app, *_ = run("--allow-origin", first, "--allow-origin", second)
    for origin in (first, second):
        answer = status(app, Origin=origin)
        assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "Access-Control-Allow-Origin" not in status(app, Origin="http://c").headers


@pytest.mark.slow
def test_it_answers_until_it_is_interrupted():
    port = free_port()
    command = [sys.executable, "-m", "insidegpt", "serve", "--port", str(port)]
    env = os.environ | {"INSIDEGPT_API_KEY": "sk-1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as it:
        try:
            assert "answers at" in it.stdout.readline()
            for key, right in (("sk-1", 200), ("sk-2", 401)):
                url, headers = (
                    f"http://127.0.0.1:{port}",
                    {"Authorization": f"Bearer {key}"},
                )
                assert (
                    HTTP.get(f"{url}/v1/models", headers=headers).status_code == right
                )
        finally:
            it.send_signal(signal.SIGINT)
        assert it.wait(timeout=60) == 0
