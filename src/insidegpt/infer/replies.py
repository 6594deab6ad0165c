"""An answer on its way to a client: whole, as events, or as a refusal.

Page: tools/openai-api.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from insidegpt.infer import protocol
from insidegpt.infer.guard import refuse
from insidegpt.infer.protocol import ChatRequest, CompletionRequest
from insidegpt.infer.service import Answer, Overloaded, Piece

Ask = ChatRequest | CompletionRequest
SOON = {"Retry-After": "1"}  # seconds


class Refusal(Exception):
    """A request that can't be served; becomes an error in OpenAI's shape."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        self.response = refuse(status, message, **more)


@contextmanager
def refusals() -> Iterator[None]:
    """What the service can't do, as an answer to the client."""
    try:
        yield
    except Overloaded:
        message = "Too many requests are waiting: try again in a moment."
        kind = code = "rate_limit_exceeded"
        raise Refusal(429, message, headers=SOON, kind=kind, code=code) from None
    except ValueError as problem:
        raise Refusal(400, str(problem)) from None


async def respond(
    request: Request, ask: Ask, answer: Answer, shape: protocol.Shape
) -> Response:
    """The answer as a stream of events, or whole."""
    pieces = watched(request, answer)
    if ask.stream:
        events = stream(pieces, ask, answer, shape)
        return Events(events, answer)
    whole = asyncio.create_task(collect(pieces, ask, answer, shape))
    gone = asyncio.create_task(disconnected(request))
    try:
        await asyncio.wait((whole, gone), return_when=asyncio.FIRST_COMPLETED)
        with refusals():
            return JSONResponse(whole.result() if whole.done() else None)
    finally:
        whole.cancel()
        gone.cancel()


class Events(StreamingResponse):
    """A stream that frees its text's place however it ends."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[str], answer: Answer) -> None:
        super().__init__(events)
        self.answer = answer

    async def __call__(self, scope, receive, send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.answer.service.drop(self.answer.job)


async def watched(request: Request, answer: Answer) -> AsyncIterator[Piece]:
    """The pieces of an answer, counted."""
    metrics, start, counted = request.app.state.metrics, time.perf_counter(), 0
    seconds = request.app.state.limits.answer_s
    async with aclosing(answer.pieces(seconds=seconds)) as pieces:
        async for piece in pieces:
            if not counted:
                metrics.first_s.observe(time.perf_counter() - start)
                metrics.tokens.labels("read").inc(answer.prompt_tokens)
            metrics.tokens.labels("written").inc(answer.made - counted)
            counted = answer.made
            yield piece


async def collect(
    pieces: AsyncIterator[Piece], ask: Ask, answer: Answer, shape: protocol.Shape
) -> dict:
    text, choices, finish = "", [], None
    async for piece in pieces:
        text += piece.text
        choices += [piece.choice] if piece.choice else []
        finish = piece.finish
    body = protocol.envelope(shape, ask.model) | {"object": shape.whole}
    body["choices"] = [shape.choice(text, choices, finish)]
    return body | {"usage": protocol.usage(answer.prompt_tokens, answer.made)}


async def stream(
    pieces: AsyncIterator[Piece], ask: Ask, answer: Answer, shape: protocol.Shape
) -> AsyncIterator[str]:
    """Server-sent events, one for each piece that holds something."""
    head = protocol.envelope(shape, ask.model)
    opening = shape.opening()
    if opening:
        yield event(head | {"choices": [opening]})
    try:
        async for piece in pieces:
            choices = [piece.choice] if piece.choice else []
            if piece.text or choices or piece.finish:
                chunk = shape.chunk(piece.text, choices, piece.finish)
                yield event(head | {"choices": [chunk]})
    except Overloaded:
        yield event(protocol.error("No place came free in time.", kind="server_error"))
        return
    except RuntimeError as problem:
        yield event(protocol.error(str(problem), kind="server_error"))
        return
    if ask.include_usage:
        count = protocol.usage(answer.prompt_tokens, answer.made)
        yield event(head | {"choices": [], "usage": count})
    yield "data: [DONE]\n\n"


def event(data: dict) -> str:
    return f"data: {json.dumps(data)}\n\n"


async def disconnected(request: Request) -> None:
    """Returns when the client has gone.

    Without polling: each new ``receive`` takes more of what a client goes on sending.
    """
    while (await request.receive())["type"] != "http.disconnect":
        pass
