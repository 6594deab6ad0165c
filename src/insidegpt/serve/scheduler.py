"""Texts for many clients at once, through one ``Batcher`` in a thread of its own.

The event loop talks to clients and never computes; the thread computes and never waits
for a client. Page: tools/openai-api.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

from openai.types import CompletionUsage

from insidegpt.infer.batching import Batcher, Job, Token
from insidegpt.infer.sampling import Sampling
from insidegpt.model.checkpoint import check_pair
from insidegpt.model.interface import Model
from insidegpt.serve.answers import Piece, beside
from insidegpt.text.detokenize import Detokenizer
from insidegpt.text.interface import Tokenizer

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


class Overloaded(Exception):
    """Too many texts wait already, or one has waited too long."""


class ModelFailed(Exception):
    """A step broke; its texts end."""


class Scheduler:
    """Works while ``running``; ``answering`` gives each client its stream."""

    def __init__(
        self,
        model: Model,
        tokenizer: Tokenizer,
        limits: Limits,
        thread: ThreadPoolExecutor | None = None,
    ) -> None:
        check_pair(model, tokenizer)
        self.model, self.tokenizer, self.limits = model, tokenizer, limits
        self.thread = thread or ThreadPoolExecutor(1, thread_name_prefix="batcher")
        self.batcher = Batcher(model, slots=limits.slots)
        self.encoding = asyncio.Semaphore(1)
        self.answers: dict[Job, Answer] = {}
        self.wake = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.run())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

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
                if steps is None:  # end all texts, while no step is under way
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
            # Its name only: a message might hold the prompt.
            log.error("a step failed with %s; its texts end", type(error).__name__)
            return None

    async def encoded(self, encode: Callable[[], list[int]]) -> list[int]:
        """``encode()`` in a thread, one text at a time; Overloaded if many wait."""
        self.check_load()
        async with self.encoding:
            return await asyncio.to_thread(encode)

    @contextmanager
    def answering(
        self,
        ids: Sequence[int],
        *,
        max_new_tokens: int,
        sampling: Sampling,
        stop_ids: Sequence[int] = (),
        stop: str | Sequence[str] = (),
        alternatives: int | None = None,
    ) -> Iterator["Answer"]:
        """Queue a prompt until the block ends, however it ends.

        ValueError if it can't run, Overloaded if many wait.
        """
        self.check_load()
        writer = Detokenizer(self.tokenizer, stop)
        settings = {"max_new_tokens": max_new_tokens, "stop_ids": stop_ids}
        job = self.batcher.submit(ids, sampling=sampling, **settings)
        deadline = asyncio.get_running_loop().time() + self.limits.answer_s
        self.answers[job] = Answer(job, writer, alternatives, deadline, len(ids))
        self.wake.set()
        try:
            yield self.answers[job]
        finally:
            job.cancelled = True
            with suppress(ValueError):
                self.batcher.waiting.remove(job)
            self.answers.pop(job)
            self.wake.set()  # an idle batcher still has to let go of it

    def check_load(self) -> None:
        """Raise Overloaded if no more texts may wait."""
        if len(self.answers) >= self.limits.slots + self.limits.waiting:
            raise Overloaded


@dataclass(eq=False)
class Answer:
    """The pieces of one text as they come."""

    job: Job
    detokenizer: Detokenizer
    alternatives: int | None
    deadline: float  # on the event loop's clock
    prompt_tokens: int
    new_tokens: int = 0  # so far, as a bill counts them: a stop id is one
    queue: asyncio.Queue[Piece | None] = field(default_factory=asyncio.Queue)

    @property
    def usage(self) -> CompletionUsage:
        return CompletionUsage(
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.new_tokens,
            total_tokens=self.prompt_tokens + self.new_tokens,
        )

    async def pieces(self) -> AsyncIterator[Piece]:
        """Until the text ends or the deadline is over; Overloaded if it has not begun
        by then, ModelFailed if a step broke."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                async with asyncio.timeout_at(self.deadline):
                    piece = await self.queue.get()
                if loop.time() >= self.deadline:  # a client that reads too slowly
                    raise TimeoutError
                if piece is None:
                    raise ModelFailed
                self.new_tokens += 1
                yield piece
                if piece.finish_reason:
                    return
        except TimeoutError:
            if self.new_tokens == 0:
                raise Overloaded from None
            yield Piece("", finish_reason="length")

    def piece(self, token: Token) -> Piece:
        """What a client gets to see of a token; in the thread, logits end here."""
        ends, writer = token.finish_reason == "stop", self.detokenizer
        text = "" if ends else writer.push(token.id)
        reason = "stop" if writer.stopped else token.finish_reason
        if reason and not writer.stopped:
            text += writer.finish()
        if reason:  # a stop string frees the slot, too
            self.job.cancelled = True
        if ends or writer.stopped or self.alternatives is None:
            return Piece(text, (), reason)
        likeliest = {"alternatives": self.alternatives, "start": writer.start}
        found = beside(token.id, token.logits, writer.tokenizer, **likeliest)
        return Piece(text, (found,), reason)
