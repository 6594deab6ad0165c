"""A server of SmolLM2 in four bits, and what its tests share."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from insidegpt.infer.guard import Impatient

KEY = "sk-secret-of-the-tests"
FRANCE = [{"role": "user", "content": "What is the capital of France?"}]
ASK = {"model": "smollm2", "messages": FRANCE}


@contextmanager
def running(app, http=Impatient) -> Iterator[str]:
    """The address of ``app`` while uvicorn serves it, in a thread."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = uvicorn.Config(app, port=port, http=http, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=10)


def is_openai_error(response, status):
    assert response.status_code == status
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}
    assert response.json()["error"]["message"].endswith(".")
    return response.json()["error"]


def idle(server, seconds=5.0):
    """Whether all slots are free, within some seconds."""
    service = server.app.state.service
    return until(lambda: not service.batcher.busy and not service.answers, seconds)


def until(condition, seconds=10.0):
    """Whether it comes true in that time."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()
