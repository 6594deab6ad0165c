"""The server that several files test, and two ways to talk to it."""

from types import SimpleNamespace

import openai
import pytest
from serving import HTTP, KEY, ORIGIN, TOKENIZER, Bigram, running, texts, until

from insidegpt.serve.app import make_app
from insidegpt.serve.scheduler import Limits


@pytest.fixture
def model():
    return Bigram()


@pytest.fixture(scope="session")
def shared():
    """url, model and limits of a server that allows little."""
    limits = Limits(slots=3, waiting=2, prompt_tokens=100, new_tokens=400)
    model = Bigram()
    settings = {"name": "mock", "key": KEY, "limits": limits, "origins": [ORIGIN]}
    with running(make_app(model, TOKENIZER, **settings)) as url:
        yield SimpleNamespace(url=url, model=model, limits=limits)


@pytest.fixture
def server(shared):
    """The same, as idle after the test as before it."""
    yield shared
    shared.model.may_step.set()
    shared.model.fault = None
    assert until(lambda: texts(shared) == (0, 0))


@pytest.fixture
def client(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=0)


@pytest.fixture
def post(server):
    """Send raw bytes or JSON with the right key."""

    def send(path="chat/completions", *, headers=None, **content):
        own = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        own |= headers or {}
        url = f"{server.url}/v1/{path}"
        return HTTP.post(url, headers=own, **content)

    return send
