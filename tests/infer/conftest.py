"""The server that several files test, and two ways to talk to it."""

from types import SimpleNamespace

import httpx
import openai
import pytest
from serving import KEY, running

from insidegpt.infer.native import fastest
from insidegpt.infer.server import Limits, make_app


@pytest.fixture(scope="session")
def packed(smollm2):
    return fastest(smollm2)


@pytest.fixture(scope="session")
def server(packed, tokenizer):
    """url, key, app and limits of a server that allows little."""
    limits = Limits(waiting=4, prompt_tokens=600, new_tokens=400, client_s=2.0)
    app = make_app(packed, tokenizer, key=KEY, limits=limits)
    with running(app) as url:
        yield SimpleNamespace(url=url, key=KEY, app=app, limits=limits)


@pytest.fixture(scope="session")
def client(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.key, max_retries=0)


@pytest.fixture
def post(server):
    """Send raw bytes or JSON with the right key."""

    def send(path="/v1/chat/completions", *, headers=None, **content):
        own = {"Authorization": f"Bearer {server.key}"}
        own |= {"Content-Type": "application/json"} | (headers or {})
        return httpx.post(server.url + path, headers=own, timeout=60, **content)

    return send
