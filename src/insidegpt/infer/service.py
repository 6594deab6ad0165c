"""Texts for many clients at once, through one ``Batcher`` in a thread of its own.

The event loop talks to clients and never computes; the thread computes and never waits
for a client. Page: tools/openai-api.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from insidegpt.infer.batching import Batcher, Job, Token
from insidegpt.infer.generate import Model, Sampler
from insidegpt.infer.protocol import Choice
from insidegpt.infer.stream import TextWriter, check_pair
from insidegpt.text.bpe import Tokenizer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """What one client may ask of the server."""

    slots: int = 8  # texts at a time
    waiting: int = 64  # more are told to come back
    prompt_tokens: int = 4096
    new_tokens: int = 2048
    body_bytes: int = 1_000_000
    answer_s: float = 300.0  # an answer that takes longer ends there
    client_s: float = 20.0  # to send a request, to take a piece of the answer


@dataclass(frozen=True)
class Piece:
    """A step of an answer. ``text`` may be empty: a character may need more tokens."""

    text: str
    choice: Choice | None
    finish: str | None  # "stop" or "length" with the last piece


class Overloaded(Exception):
    """Too many texts wait already."""


class Metrics:
    """What Prometheus collects."""

    def __init__(self, batcher: Batcher) -> None:
        self.registry = own = CollectorRegistry()
        for state in ("running", "waiting"):
            gauge = Gauge(f"insidegpt_{state}", f"Texts {state}", registry=own)
            gauge.set_function(lambda state=state: len(getattr(batcher, state)))
        self.tokens = Counter(
            "insidegpt_tokens", "Tokens read and written", ["kind"], registry=own
        )
        self.first_s = Histogram(
            "insidegpt_first_token_seconds", "Until the first token", registry=own
        )


class Service:
    """Runs as long as ``run`` is awaited; ``start`` gives each client its stream."""

    def __init__(
        self,
        model: Model,
        tokenizer: Tokenizer,
        limits: Limits,
        thread: ThreadPoolExecutor | None = None,
    ) -> None:
        check_pair(model, tokenizer)
        self.model, self.tokenizer = model, tokenizer
        self.thread = thread or ThreadPoolExecutor(1, thread_name_prefix="batcher")
        self.batcher = Batcher(model, slots=limits.slots)
        self.most_texts = limits.slots + limits.waiting
        # No token is longer, so a longer text can't be a prompt.
        self.most_characters = limits.prompt_tokens * max(map(len, tokenizer.vocab))
        self.encoding = asyncio.Semaphore(1)
        self.answers: dict[Job, Answer] = {}
        self.wake = asyncio.Event()

    async def run(self) -> None:
        """Step whenever there is work, always in the same thread.

        Best in the thread that made the model: OpenMP keeps workers for each thread
        that had some, and if there are more than cores they sleep between two pieces
        of work, which makes a token four times as long.
        """
        loop = asyncio.get_running_loop()
        while True:
            await self.wake.wait()
            while self.batcher.busy:
                steps = await loop.run_in_executor(self.thread, self.step)
                if steps is None:  # all that are here, while no step is under way
                    self.batcher.clear()
                    steps = [(answer, None) for answer in self.answers.values()]
                for answer, piece in steps:
                    answer.queue.put_nowait(piece)
            self.wake.clear()

    def step(self) -> list[tuple["Answer", Piece]] | None:
        """In the thread: one token for everybody; None if something broke."""
        try:
            tokens = self.batcher.step()
            found = [(self.answers.get(token.job), token) for token in tokens]
            return [(a, a.piece(token)) for a, token in found if a is not None]
        except Exception as error:  # a fault in one step must not end the service
            log.error("a step failed with %s; its texts end", type(error).__name__)
            return None

    async def encoded(
        self, characters: int, encode: Callable[..., list[int]], *arguments
    ) -> list[int]:
        """``encode(*arguments)`` in a thread, one text at a time.

        ValueError if ``characters`` are hopelessly many, Overloaded if many wait.
        """
        self.check_load()
        if characters > self.most_characters:
            raise ValueError(f"A prompt of {characters} characters is too long.")
        async with self.encoding:
            return await asyncio.to_thread(encode, *arguments)

    def start(
        self,
        ids: Sequence[int],
        *,
        max_new_tokens: int,
        sampler: Sampler,
        stop_ids: Sequence[int] = (),
        stop: Sequence[str] = (),
        logprobs: int | None = None,
    ) -> "Answer":
        """Queue a prompt. ValueError if it can't run, Overloaded if many wait."""
        self.check_load()
        writer = TextWriter(self.tokenizer, stop)
        job = self.batcher.submit(
            ids, max_new_tokens=max_new_tokens, sampler=sampler, stop_ids=stop_ids
        )
        self.answers[job] = answer = Answer(self, job, writer, logprobs)
        self.wake.set()
        return answer

    def check_load(self) -> None:
        """Raise Overloaded if no more texts may wait."""
        if len(self.answers) >= self.most_texts:  # to the last piece taken
            raise Overloaded

    def drop(self, job: Job) -> None:
        """Free the place of a text, finished or not."""
        job.cancelled = True
        with suppress(ValueError):
            self.batcher.waiting.remove(job)
        self.answers.pop(job, None)
        self.wake.set()  # an idle batcher still has to let go of it


class Answer:
    """The pieces of one text as they come. Leaving the loop early frees its place."""

    def __init__(
        self, service: Service, job: Job, writer: TextWriter, logprobs: int | None
    ) -> None:
        self.service, self.job, self.writer = service, job, writer
        self.logprobs = logprobs
        self.prompt_tokens = len(job.text)
        self.made = 0  # tokens so far, as a bill counts them: a stop id is one
        self.queue: asyncio.Queue[Piece | None] = asyncio.Queue()

    async def pieces(self, *, seconds: float) -> AsyncIterator[Piece]:
        """Until the text ends or ``seconds`` are over. RuntimeError if a step broke."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        try:
            while True:
                async with asyncio.timeout_at(deadline):
                    piece = await self.queue.get()
                if loop.time() >= deadline:  # a client that reads too slowly
                    raise TimeoutError
                if piece is None:
                    raise RuntimeError("The model failed on this text.")
                self.made += 1
                yield piece
                if piece.finish:
                    return
        except TimeoutError:
            if self.made == 0:
                raise Overloaded from None
            yield Piece("", None, "length")
        finally:
            self.service.drop(self.job)

    def piece(self, token: Token) -> Piece:
        """What a client gets to see of a token; in the thread, logits end here."""
        ends = token.last == "stop"
        text = "" if ends else self.writer.push(token.id)
        finish = "stop" if self.writer.stopped else token.last
        if finish and not self.writer.stopped:
            text += self.writer.finish()
        if finish:  # a stop string frees the place, too
            self.job.cancelled = True
        hidden = ends or self.writer.stopped or self.logprobs is None
        return Piece(text, None if hidden else self.choice(token), finish)

    def choice(self, token: Token) -> Choice:
        start = self.writer.start
        logprobs = token.logits.log_softmax(-1)
        best = logprobs.topk(self.logprobs).indices.tolist()

        def choice(id: int, likeliest: Sequence[Choice] = ()) -> Choice:
            known = id < self.service.tokenizer.vocab_size
            name = self.service.tokenizer.token_bytes(id) if known else b""
            return Choice(name, float(logprobs[id]), likeliest, start)

        return choice(token.id, [choice(id) for id in best])
