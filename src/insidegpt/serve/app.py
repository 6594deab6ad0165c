"""OpenAI's protocol over HTTP, for a model of one's own: ``insidegpt serve``.

Clients are trusted to send and to read in good time: before the open internet, put a
proxy in front, which cuts those who don't. Page: tools/openai-api.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from openai.types import Model as ModelCard
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.cors import CORSMiddleware

from insidegpt.model.interface import Model
from insidegpt.serve.answers import ChatFormat, CompletionFormat, to_json
from insidegpt.serve.protocol import AnyRequest, ChatRequest, CompletionRequest
from insidegpt.serve.replies import (
    on_failure,
    on_invalid,
    on_refusal,
    refusal,
    respond,
)
from insidegpt.serve.scheduler import (
    Answer,
    Limits,
    ModelFailed,
    Overloaded,
    Scheduler,
)
from insidegpt.text.chat import encode_chat
from insidegpt.text.interface import Tokenizer

SHAPE = {"description": "An error in OpenAI's shape"}
ERRORS = {code: SHAPE for code in (400, 401, 404, 413, 429, 500)}


def make_app(
    model: Model,
    tokenizer: Tokenizer,
    *,
    name: str = "smollm2",
    key: str | None = None,
    limits: Limits | None = None,
    thread: ThreadPoolExecutor | None = None,
    origins: Sequence[str] = (),
) -> FastAPI:
    """For uvicorn.

    key: what clients must send. thread: where the model was made and is to compute.
    origins: of pages that browsers may let talk to the server, such as
    ``http://localhost:3000``, or ``*``.
    """
    limits = limits or Limits()
    scheduler = Scheduler(model, tokenizer, limits, thread)
    app = FastAPI(
        title="Inside ChatGPT",
        lifespan=lambda _: scheduler.running(),
        max_body_size=limits.body_bytes,
        strict_content_type=False,  # without one it is JSON
    )
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=[origin.rstrip("/") for origin in origins],
            allow_methods=["*"],
            allow_headers=["*"],
        )
    app.include_router(health_route(scheduler))
    wanted = [Depends(key_check(key))]
    app.include_router(openai_routes(scheduler, name), dependencies=wanted)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(StarletteHTTPException, on_refusal)
    for failure in (Overloaded, ModelFailed, Exception):
        app.add_exception_handler(failure, on_failure)
    return app


def key_check(key: str | None) -> Callable:
    """Refuses all who don't know the key, in a time that tells nothing about it."""
    bearer = HTTPBearer(auto_error=False)

    def check(given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]):
        told = given.credentials.encode("latin-1") if given else b""
        if key and not secrets.compare_digest(told, key.encode()):
            message = "Wrong or missing API key: send Authorization: Bearer <key>."
            raise refusal(401, message, code="invalid_api_key")

    return check


def health_route(scheduler: Scheduler) -> APIRouter:
    router = APIRouter()

    @router.head("/health", include_in_schema=False)
    @router.get("/health")
    async def health() -> dict[str, str | int]:
        """That the server is up, and how many texts it has."""
        batcher = scheduler.batcher
        running, waiting = len(batcher.running), len(batcher.waiting)
        return {"status": "ok", "running": running, "waiting": waiting}

    return router


async def request_stack() -> AsyncIterator[ExitStack]:
    """What is entered here is left when the request is over, however it ends."""
    with ExitStack() as stack:
        yield stack


Stack = Annotated[ExitStack, Depends(request_stack)]


def openai_routes(scheduler: Scheduler, name: str) -> APIRouter:
    router = APIRouter(prefix="/v1", responses=ERRORS)
    tokenizer = scheduler.tokenizer
    card = ModelCard(id=name, object="model", created=0, owned_by="insidegpt")

    @router.head("/models", include_in_schema=False)
    @router.get("/models")
    async def models() -> dict:
        """The one model there is."""
        return {"object": "list", "data": [to_json(card)]}

    @router.head("/models/{model:path}", include_in_schema=False)
    @router.get("/models/{model:path}")
    async def one_model(model: str) -> dict:
        check_model(model)
        return to_json(card)

    @router.post("/chat/completions")
    async def chat(request: Request, asked: ChatRequest, stack: Stack) -> Response:
        """The assistant's next message."""
        check_model(asked.model)
        messages = [message.as_turn() for message in asked.messages]
        encode = partial(encode_chat, tokenizer, messages)
        answer = await begin(scheduler, stack, asked, encode)
        return await respond(request, asked, answer, ChatFormat(name))

    @router.post("/completions")
    async def complete(
        request: Request, asked: CompletionRequest, stack: Stack
    ) -> Response:
        """The prompt, continued."""
        check_model(asked.model)
        prompt = asked.prompt

        def encode() -> list[int]:
            if isinstance(prompt, str):
                return [*tokenizer.begin_ids, *tokenizer.encode(prompt)]
            return prompt

        answer = await begin(scheduler, stack, asked, encode)
        return await respond(request, asked, answer, CompletionFormat(name))

    def check_model(wanted: str) -> None:
        if wanted != name:
            message = f"There is no model of that name here, only {name}."
            raise refusal(404, message, param="model", code="model_not_found")

    return router


async def begin(
    scheduler: Scheduler,
    stack: ExitStack,
    asked: AnyRequest,
    encode: Callable[[], list[int]],
) -> Answer:
    """Queue the text, within the server's limits, until the stack is left."""
    limits, total = scheduler.limits, scheduler.model.config.context_tokens
    try:
        ids = await scheduler.encoded(encode)
        read, most = len(ids), limits.new_tokens
        new = asked.max_new_tokens or max(1, min(most, total - read))
        if read > limits.prompt_tokens or new > most or read + new > total:
            message = (
                f"The prompt has {read} tokens and {new} new ones are wanted; at most "
                f"{limits.prompt_tokens} and {most} are served, {total} together."
            )
            raise refusal(400, message, code="context_length_exceeded")
        place = scheduler.answering(
            ids,
            max_new_tokens=new,
            sampling=asked.sampling,
            stop_ids=scheduler.tokenizer.end_ids,
            stop=asked.stop or (),
            alternatives=asked.alternatives,
        )
        return stack.enter_context(place)
    except ValueError as problem:
        raise refusal(400, str(problem)) from problem
