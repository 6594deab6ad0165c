"""What a request must pass before anything of it is read: key, size, time.

Plain ASGI, around the whole application. Page: tools/openai-api.
"""

import asyncio
import logging
import secrets
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import HTTPException
from starlette.responses import JSONResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from insidegpt.infer.protocol import error

log = logging.getLogger(__name__)
CLOSE = {"Connection": "close"}
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Impatient(H11Protocol):
    """A connection that is cut if its client sends no request, or takes no answer.

    For uvicorn's ``http``; what happens within a request is the ``Guard``'s.
    """

    seconds = 20.0

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.clock = self.loop.call_later(self.seconds, self.give_up_waiting)

    def give_up_waiting(self) -> None:
        if self.cycle is None:
            self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.clock.cancel()
        self.clock = self.loop.call_later(self.seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.clock.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        self.clock.cancel()
        super().connection_lost(exc)


def refuse(status: int, message: str, **fields: str | None) -> JSONResponse:
    """An error as an answer."""
    return JSONResponse(error(message, **fields), status_code=status)


class Guard:
    """An application that only hears what is allowed, not too long and not too slow.

    key: wanted on every path under /v1, if set. most_bytes: of a request's body.
    seconds: for a client to send its body, and to take each piece of the answer.
    """

    def __init__(
        self, app: App, *, key: str | None, most_bytes: int, seconds: float
    ) -> None:
        self.app, self.key = app, key
        self.most_bytes, self.seconds = most_bytes, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if scope["path"].startswith("/v1") and not self.knows(scope):
            message = "Wrong or missing API key: send Authorization: Bearer <key>."
            refusal = refuse(401, message, code="invalid_api_key")
            return await refusal(scope, receive, send)
        started = False

        async def send_in_time(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            started = True
            async with asyncio.timeout(self.seconds):
                await send(message)

        try:
            await self.app(scope, self.limited(receive), send_in_time)
        except TimeoutError:  # the client takes no more of its answer
            log.info("a client was too slow on %s", scope["path"])
        except asyncio.CancelledError:  # the server is going down
            if not started:
                gone = refuse(503, "The server is shutting down.", kind="server_error")
                await gone(scope, receive, send)
        except Exception as fault:
            # Where, but not what: a message might hold the prompt.
            where = "".join(traceback.format_tb(fault.__traceback__))
            log.error("%s in %s\n%s", type(fault).__name__, scope["path"], where)
            if not started:
                sorry = refuse(500, "The server failed on this.", kind="server_error")
                await sorry(scope, receive, send)

    def knows(self, scope: Scope) -> bool:
        """Whether the key is right; the time this takes tells nothing about it."""
        if self.key is None:
            return True
        given = dict(scope["headers"]).get(b"authorization", b"")
        return secrets.compare_digest(given, b"Bearer " + self.key.encode())

    def limited(self, receive: Receive) -> Receive:
        """``receive`` that counts bytes and time until the body is complete."""
        deadline = asyncio.get_running_loop().time() + self.seconds
        size, complete = 0, False

        async def receive_some() -> MutableMapping[str, Any]:
            nonlocal size, complete
            if complete:
                return await receive()  # waits for the client to leave
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "The body took too long.", CLOSE) from None
            size += len(message.get("body", b""))
            if size > self.most_bytes:
                limit = f"The body is larger than {self.most_bytes} bytes."
                raise HTTPException(413, limit, CLOSE)
            complete = not message.get("more_body", False)
            return message

        return receive_some
