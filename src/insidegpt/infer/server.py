"""OpenAI's protocol over HTTP, for a model of one's own: ``insidegpt serve``.

Page: tools/openai-api.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress

import torch
from fastapi import APIRouter, FastAPI, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from insidegpt.infer import protocol
from insidegpt.infer.generate import Model, Sampler
from insidegpt.infer.guard import Guard, refuse
from insidegpt.infer.protocol import Chat, ChatRequest, Completion, CompletionRequest
from insidegpt.infer.replies import Ask, Refusal, refusals, respond
from insidegpt.infer.service import Answer, Limits, Metrics, Service
from insidegpt.text.bpe import Tokenizer
from insidegpt.text.chat import END, Message, encode_chat


def make_app(
    model: Model,
    tokenizer: Tokenizer,
    *,
    name: str = "smollm2",
    key: str | None = None,
    limits: Limits | None = None,
    thread: ThreadPoolExecutor | None = None,
) -> FastAPI:
    """For uvicorn. ``thread`` is where the model was made and is to compute."""
    limits = limits or Limits()
    service = Service(model, tokenizer, limits, thread)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(service.run())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    app = FastAPI(title="Inside ChatGPT", lifespan=lifespan)
    app.state.service, app.state.metrics = service, Metrics(service.batcher)
    app.state.name, app.state.limits = name, limits
    app.include_router(router)
    app.add_middleware(
        Guard, key=key, most_bytes=limits.body_bytes, seconds=limits.client_s
    )
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Refusal, lambda _, refusal: refusal.response)
    return app


router = APIRouter()
bearer = [Security(HTTPBearer(auto_error=False))]  # the Guard checks it; this tells
SHAPE = {"description": "An error in OpenAI's shape"}
ERRORS = {code: SHAPE for code in (400, 401, 404, 408, 413, 429)}


@router.get("/health")
async def health() -> dict[str, str]:
    """Whether the server is up."""
    return {"status": "ok"}


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Counters for Prometheus."""
    text = generate_latest(request.app.state.metrics.registry)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


@router.get("/v1/models", dependencies=bearer, responses=ERRORS)
async def models(request: Request) -> dict:
    """The one model there is."""
    return {"object": "list", "data": [card(request.app.state.name)]}


@router.get("/v1/models/{model:path}", dependencies=bearer, responses=ERRORS)
async def one_model(request: Request, model: str) -> dict:
    check_model(request, model)
    return card(model)


@router.post("/v1/chat/completions", dependencies=bearer, responses=ERRORS)
async def chat(request: Request, ask: ChatRequest) -> Response:
    """The assistant's next message."""
    check_model(request, ask.model)
    service = request.app.state.service
    tokenizer = service.tokenizer
    messages = [Message(role=m.role, content=m.text) for m in ask.messages]
    size = sum(len(m.text) for m in ask.messages)
    with refusals():
        ids = await service.encoded(size, encode_chat, tokenizer, messages)
    answer = begin(request, ask, ids, stop_ids=[tokenizer.special[END]])
    return await respond(request, ask, answer, Chat)


@router.post("/v1/completions", dependencies=bearer, responses=ERRORS)
async def completions(request: Request, ask: CompletionRequest) -> Response:
    """The prompt, continued."""
    check_model(request, ask.model)
    service = request.app.state.service
    tokenizer, ids = service.tokenizer, ask.prompt
    if isinstance(ids, str):
        with refusals():
            ids = await service.encoded(len(ids), tokenizer.encode, ids)
    ends = [i for name, i in tokenizer.special.items() if name == "<|endoftext|>"]
    return await respond(
        request, ask, begin(request, ask, ids, stop_ids=ends), Completion
    )


def card(name: str) -> dict:
    return {"id": name, "object": "model", "created": 0, "owned_by": "insidegpt"}


def check_model(request: Request, name: str) -> None:
    own = request.app.state.name
    if name != own:
        message = f"There is no model of that name here, only {own}."
        raise Refusal(404, message, param="model", code="model_not_found")


def begin(
    request: Request, ask: Ask, ids: Sequence[int], *, stop_ids: Sequence[int]
) -> Answer:
    """Queue the text, within the server's limits."""
    service, limits = request.app.state.service, request.app.state.limits
    context = min(service.model.config.context_tokens, limits.prompt_tokens)
    room = service.model.config.context_tokens - len(ids)
    new = ask.wanted_tokens or max(1, min(limits.new_tokens, room))
    if len(ids) > context or new > room:
        message = (
            f"The prompt has {len(ids)} tokens and {new} new ones are wanted; prompts "
            f"may have {context}, and both together {room + len(ids)}."
        )
        raise Refusal(400, message, code="context_length_exceeded")
    if new > limits.new_tokens:
        message = f"At most {limits.new_tokens} new tokens are made, not {new}."
        raise Refusal(400, message, param="max_tokens")
    generator = None
    if ask.seed is not None:
        generator = torch.Generator().manual_seed(ask.seed)
    top_p = ask.top_p if ask.top_p < 1 else None
    sampler = Sampler(ask.temperature, top_p=top_p, generator=generator)
    settings = {"max_new_tokens": new, "sampler": sampler, "stop_ids": stop_ids}
    with refusals():
        return service.start(
            ids, **settings, stop=ask.stops, logprobs=ask.wanted_logprobs
        )


async def on_invalid(request: Request, problem: RequestValidationError) -> Response:
    """Which field is wrong, and how; not what it held."""
    message, place = protocol.explain(problem.errors())
    return refuse(400, message, param=place)


async def on_http(request: Request, problem: HTTPException) -> Response:
    response = refuse(problem.status_code, f"{problem.detail.rstrip('.')}.")
    response.headers.update(problem.headers or {})
    return response
