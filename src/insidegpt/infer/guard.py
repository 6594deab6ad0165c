"""What a request must pass before anything of it is read: key, size, time.

Plain ASGI, around the whole application. Page: tools/openai-api.
"""

import asyncio
import logging
import secrets
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from fastapi import HTTPException
from starlette.responses import JSONResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from insidegpt.infer.protocol import error

log = logging.getLogger(__name__)
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
        transport.set_write_buffer_limits(high=0)  # stuck is who leaves a single byte
        self.stuck = self.late = self.wait_for_request()

    def wait_for_request(self) -> asyncio.TimerHandle:
        return self.loop.call_later(self.seconds, self.give_up, self.cycle)

    def give_up(self, last: object) -> None:
        if self.cycle is last:  # no request since
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.timeout_keep_alive_task is not None:  # it was idle after an answer
            self.late.cancel()
            self.late = self.wait_for_request()
        super().data_received(data)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.stuck = self.loop.call_later(self.seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.stuck.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        self.late.cancel()
        self.stuck.cancel()
        super().connection_lost(exc)


def refuse(
    status: int, message: str, *, headers: dict | None = None, **fields: str | None
) -> JSONResponse:
    """An error as an answer."""
    return JSONResponse(error(message, **fields), status, headers)


class Body:
    """A request's body on its way, with its bytes and its time counted."""

    def __init__(
        self, scope: Scope, receive: Receive, *, most_bytes: int, seconds: float
    ) -> None:
        names = {name for name, _ in scope["headers"]}
        self.complete = names.isdisjoint({b"content-length", b"transfer-encoding"})
        self.on_request = b"expect" in names  # it comes when it is asked for
        self.await_more, self.most_bytes, self.size = receive, most_bytes, 0
        self.deadline = asyncio.get_running_loop().time() + seconds

    async def receive(self) -> MutableMapping[str, Any]:
        """The next piece, in time; 408 or 413 if there is none or it is too much."""
        if self.complete:
            return await self.await_more()  # until the client leaves
        try:
            async with asyncio.timeout_at(self.deadline):
                message = await self.await_more()
        except TimeoutError:
            raise HTTPException(408, "The body took too long.") from None
        self.size += len(message.get("body", b""))
        if self.size > self.most_bytes:
            limit = f"The body is larger than {self.most_bytes} bytes."
            raise HTTPException(413, limit)
        self.complete = not message.get("more_body", False)
        return message

    async def drain(self, seconds: float = 1.0) -> None:
        """Read the rest, so that who is still sending hears the answer."""
        if self.on_request:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.complete:
                    message = await self.await_more()
                    self.complete = not message.get("more_body", False)


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
        app, started = self.app, False
        if scope["path"].startswith("/v1") and not self.knows(scope):
            message = "Wrong or missing API key: send Authorization: Bearer <key>."
            app = refuse(401, message, code="invalid_api_key")
        body = Body(scope, receive, most_bytes=self.most_bytes, seconds=self.seconds)

        async def send_in_time(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            if not started:
                await body.drain()
                if not body.complete:
                    close = (b"connection", b"close")
                    message["headers"] = [*message["headers"], close]
            started = True
            async with asyncio.timeout(self.seconds):
                await send(message)

        try:
            await app(scope, body.receive, send_in_time)
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
