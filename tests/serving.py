"""A model that writes by a table, a tokenizer of bytes, and a server of both."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import httpx
import torch
import uvicorn

from insidegpt.model.cache import Cache
from insidegpt.model.config import GPTConfig
from insidegpt.model.interface import check_ids
from insidegpt.text.bpe import BPETokenizer

KEY = "sk-secret-of-the-tests"
TURN = [{"role": "user", "content": "hi"}]
CHAT = {"model": "mock", "messages": TURN, "temperature": 0}
SAID = "Talk!"  # what the model answers to that, and to all else
ENDLESS = {"model": "mock", "prompt": "x", "max_tokens": 400, "temperature": 0}
ORIGIN = "http://localhost:3000"
HTTP = httpx.Client(verify=False, timeout=60)
NAMES = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")
START, END, TEXT_END = 256, 257, 258

TOKENIZER = BPETokenizer(
    vocab=(*(bytes([byte]) for byte in range(256)), *map(str.encode, NAMES)),
    merges=(),
    special={name: START + n for n, name in enumerate(NAMES)},
    chat_template="{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
    "<|im_end|>{% endfor %}<|im_start|>{{ 'assistant\n' }}",
    begin_ids=(TEXT_END,),
    end_ids=(END, TEXT_END),
)


class Bigram:
    """After each of these tokens the next is likely (p = 0.92), others are all alike.

    So "x" is followed by "yxyx..", and "q" by the four bytes of a face, forever.
    """

    TEXTS = (
        [*f"\n{SAID}".encode(), END],
        [*b"e", TEXT_END],
        [*b"xyx"],
        [*"q😀".encode(), 0xF0],
    )
    config = GPTConfig(264, 512, 1, 264, 1, 1, 1)  # five rows pad the vocabulary
    max_rows = 64
    device = torch.device("cpu")

    def __init__(self) -> None:
        self.table = torch.zeros(264, 264)
        for text in self.TEXTS:
            for token, following in pairwise(text):
                self.table[token, following] = 8.0
        self.may_step = threading.Event()  # clear it, and the model stands still
        self.may_step.set()
        self.fault: Exception | None = None

    def new_cache(self, *, batch, max_tokens):
        return Cache(max_tokens=max_tokens)

    def check(self, ids, past=0):
        check_ids(self.config, ids, past)

    def hidden(self, ids, *, cache=None, valid=None):
        if cache is not None:
            cache.advance(ids.shape[1])
        return self.table[ids]

    def logits(self, x):
        return x

    def step(self, ids, caches, counts=None):
        self.may_step.wait(timeout=60)
        if self.fault:
            raise self.fault
        for cache in caches:
            cache.advance(1)
        return self.table[ids]


@contextmanager
def running(app) -> Iterator[str]:
    """The address of ``app`` while uvicorn serves it, in a thread."""
    config = uvicorn.Config(app, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:  # clients may wait there
        port = listening.getsockname()[1]
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:  # or a test that fails leaves a thread that nothing ends
            server.should_exit = True
            thread.join(timeout=10)


def texts(server):
    """How many run and wait."""
    health = HTTP.get(f"{server.url}/health").json()
    return health["running"], health["waiting"]


def is_openai_error(response, status):
    assert response.status_code == status, response.text
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}
    assert response.json()["error"]["message"].endswith(".")
    return response.json()["error"]


def until(condition, seconds=10.0):
    """Whether it comes true in that time."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()
