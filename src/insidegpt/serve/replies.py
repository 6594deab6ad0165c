"""A text on its way to a client: whole, as events, or as an error.

Page: tools/openai-api.
"""

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, format_sse_event
from openai.types import ErrorObject
from starlette.exceptions import HTTPException as StarletteHTTPException

from insidegpt.serve.answers import Piece, ResponseFormat, to_json
from insidegpt.serve.protocol import AnyRequest, explain
from insidegpt.serve.scheduler import Answer, ModelFailed, Overloaded

# Proxies are not to keep events back until there are more of them.
AT_ONCE = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


async def respond(
    request: Request, asked: AnyRequest, answer: Answer, form: ResponseFormat
) -> Response:
    """The answer as a stream of events, or whole."""
    if asked.stream:
        return EventSourceResponse(events(asked, answer, form), headers=AT_ONCE)
    gone = asyncio.create_task(disconnected(request))
    gone.add_done_callback(lambda _: answer.queue.put_nowait(None))
    try:
        pieces = [piece async for piece in answer.pieces()]
    finally:
        gone.cancel()
    text = "".join(piece.text for piece in pieces)
    tokens = [token for piece in pieces for token in piece.tokens]
    whole = Piece(text, tokens, pieces[-1].finish_reason)
    return JSONResponse(to_json(form.whole(whole, answer.usage)))


async def events(
    asked: AnyRequest, answer: Answer, form: ResponseFormat
) -> AsyncIterator[bytes]:
    """Server-sent events, one for each piece that holds something."""
    for chunk in form.opening():
        yield event(to_json(chunk))
    try:
        async for piece in answer.pieces():
            if piece.text or piece.tokens or piece.finish_reason:
                yield event(to_json(form.chunk(piece)))
    except (Overloaded, ModelFailed) as problem:
        yield event(FAILURES[type(problem)].detail)
        return
    if asked.include_usage:
        yield event(to_json(form.closing(answer.usage)))
    yield format_sse_event(data_str="[DONE]")


def event(data: dict) -> bytes:
    return format_sse_event(data_str=json.dumps(data))


async def disconnected(request: Request) -> None:
    """Returns when the client has gone.

    Without polling: each new ``receive`` takes more of what a client goes on sending.
    """
    while (await request.receive())["type"] != "http.disconnect":
        pass


def error(
    message: str,
    *,
    kind: str = "invalid_request_error",
    param: str | None = None,
    code: str | None = None,
) -> dict:
    """What went wrong, in OpenAI's shape."""
    problem = ErrorObject(message=message, type=kind, param=param, code=code)
    return {"error": to_json(problem)}


def refusal(
    status: int, message: str, *, headers: dict | None = None, **fields: str
) -> HTTPException:
    """The same, to be raised."""
    return HTTPException(status, error(message, **fields), headers)


FAILURES = {
    Overloaded: refusal(
        429,
        "Too many requests are waiting: try again in a moment.",
        headers={"Retry-After": "1"},  # seconds
        kind="rate_limit_exceeded",
        code="rate_limit_exceeded",
    ),
    ModelFailed: refusal(500, "The model failed on this text.", kind="server_error"),
}


async def on_failure(request: Request, problem: Exception) -> Response:
    unknown = refusal(500, "The server failed on this.", kind="server_error")
    return await on_refusal(request, FAILURES.get(type(problem), unknown))


async def on_refusal(request: Request, problem: StarletteHTTPException) -> Response:
    body = problem.detail
    if isinstance(body, str):  # from the library
        body = error(f"{body.rstrip('.')}.")
    return JSONResponse(body, problem.status_code, problem.headers)


async def on_invalid(request: Request, problem: RequestValidationError) -> Response:
    """Which field is wrong, and how; not what it held."""
    message, field = explain(problem.errors())
    if isinstance(problem.body, bytes):
        message, field = "Send the body with Content-Type: application/json.", None
    return JSONResponse(error(message, param=field), 400)
