"""OpenAI's chat-completions and completions protocol: what may be asked, as types.

The subset that one text model can serve. A field that would change the answer and is
not served is refused, not ignored. Page: tools/openai-api.
"""

import time
from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

MOST_TOP_LOGPROBS = 20
Stop = Annotated[str, Field(min_length=1, max_length=256)]
TokenId = Annotated[int, Field(ge=0, lt=2**31)]
Ids = Annotated[list[TokenId], Field(min_length=1, fail_fast=True)]


class Strict(BaseModel):
    """No field that isn't known, no "7" for a 7."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Part(Strict):
    """A piece of a message's content; this model reads text only."""

    type: Literal["text"]
    text: str


class ChatMessage(Strict):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | Annotated[list[Part], Field(fail_fast=True)]
    # What an answer of this protocol may carry, and clients send back, empty.
    name: str | None = None
    refusal: None = None
    annotations: Annotated[list, Field(max_length=0)] | None = None
    audio: None = None
    function_call: None = None
    tool_calls: None = None

    @field_validator("role")
    @classmethod
    def developers_write_the_system_message(cls, role: str) -> str:
        return "system" if role == "developer" else role

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class StreamOptions(Strict):
    include_usage: bool = False
    include_obfuscation: Literal[False] = False


def alone(field: str, other: str) -> PydanticCustomError:
    fields = {"field": field, "other": other}
    return PydanticCustomError("alone", "It needs {other} to be true", fields)


class Request(Strict):
    """What both endpoints share. Numbers out of range are refused with a sentence."""

    model: str
    temperature: float = Field(1.0, ge=0, le=2)
    top_p: float = Field(1.0, gt=0, le=1)
    n: Literal[1] = 1
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = None
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stream: bool = False
    stream_options: StreamOptions | None = None
    frequency_penalty: Literal[0] = 0
    presence_penalty: Literal[0] = 0
    user: str | None = None  # accepted as others do, and not kept

    @model_validator(mode="before")
    @classmethod
    def without_nulls(cls, fields: Any) -> Any:
        """A field that is null was not asked for; clients send such."""
        if not isinstance(fields, dict):
            return fields
        return {name: value for name, value in fields.items() if value is not None}

    @model_validator(mode="after")
    def streams_what_it_describes(self) -> "Request":
        if self.stream_options and not self.stream:
            raise alone("stream_options", "stream")
        return self

    @property
    def stops(self) -> list[str]:
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    @property
    def include_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)


class ChatRequest(Request):
    messages: list[ChatMessage] = Field(min_length=1, fail_fast=True)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    logprobs: bool = False
    top_logprobs: int | None = Field(None, ge=0, le=MOST_TOP_LOGPROBS)

    @model_validator(mode="after")
    def reports_what_it_counts(self) -> "ChatRequest":
        if self.top_logprobs is not None and not self.logprobs:
            raise alone("top_logprobs", "logprobs")
        return self

    @property
    def wanted_tokens(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    @property
    def wanted_logprobs(self) -> int | None:
        """How many alternatives to report beside each token; None for nothing."""
        return (self.top_logprobs or 0) if self.logprobs else None


class CompletionRequest(Request):
    prompt: str | Ids
    max_tokens: int | None = Field(16, ge=1)
    logprobs: int | None = Field(None, ge=0, le=5)
    echo: Literal[False] = False

    @field_validator("prompt", mode="before")
    @classmethod
    def one_text_is_a_text(cls, prompt: object) -> object:
        match prompt:
            case [str(text)]:
                return text
            case [str(), *_]:
                raise PydanticCustomError("texts", "only one text at a time is served")
        return prompt

    @property
    def wanted_tokens(self) -> int | None:
        return self.max_tokens

    @property
    def wanted_logprobs(self) -> int | None:
        return self.logprobs


class Choice(NamedTuple):
    """A token and the logarithm of its probability; the likeliest, if asked for."""

    token: bytes
    logprob: float
    likeliest: Sequence["Choice"]
    start: int  # in characters since the text began

    @property
    def name(self) -> str:
        """The token as text; it may be no whole character."""
        return self.token.decode(errors="replace")


class Chat:
    """Answers to chat completions."""

    prefix, whole, part = "chatcmpl", "chat.completion", "chat.completion.chunk"

    @staticmethod
    def opening() -> dict[str, Any] | None:
        """The first chunk's choice, before there is any text."""
        delta = {"role": "assistant", "content": ""}
        return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}

    @classmethod
    def chunk(
        cls, text: str, choices: list[Choice], finish: str | None
    ) -> dict[str, Any]:
        delta = {"content": text} if text or choices else {}
        logprobs = cls.logprobs(choices)
        return {
            "index": 0,
            "delta": delta,
            "logprobs": logprobs,
            "finish_reason": finish,
        }

    @classmethod
    def choice(
        cls, text: str, choices: list[Choice], finish: str | None
    ) -> dict[str, Any]:
        message = {"role": "assistant", "content": text, "refusal": None}
        logprobs = cls.logprobs(choices)
        return {
            "index": 0,
            "message": message,
            "logprobs": logprobs,
            "finish_reason": finish,
        }

    @classmethod
    def logprobs(cls, choices: list[Choice]) -> dict[str, Any] | None:
        if not choices:
            return None
        content = [
            cls.token(c) | {"top_logprobs": [cls.token(best) for best in c.likeliest]}
            for c in choices
        ]
        return {"content": content, "refusal": None}

    @staticmethod
    def token(choice: Choice) -> dict[str, Any]:
        logprob, number = choice.logprob, list(choice.token)
        return {"token": choice.name, "logprob": logprob, "bytes": number}


class Completion:
    """Answers to plain completions."""

    prefix, whole, part = "cmpl", "text_completion", "text_completion"

    @staticmethod
    def opening() -> dict[str, Any] | None:
        return None

    @staticmethod
    def choice(text: str, choices: list[Choice], finish: str | None) -> dict[str, Any]:
        logprobs = {
            "tokens": [c.name for c in choices],
            "token_logprobs": [c.logprob for c in choices],
            "top_logprobs": [
                {best.name: best.logprob for best in c.likeliest} for c in choices
            ],
            "text_offset": [c.start for c in choices],
        }
        return {
            "index": 0,
            "text": text,
            "logprobs": logprobs if choices else None,
            "finish_reason": finish,
        }

    chunk = choice


Shape = type[Chat] | type[Completion]


def envelope(shape: Shape, model: str) -> dict[str, Any]:
    """What all chunks of an answer have in common."""
    return {
        "id": f"{shape.prefix}-{uuid4().hex}",
        "object": shape.part,
        "created": int(time.time()),
        "model": model,
    }


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


UNIONS = ("str", "constrained-str")  # what pydantic calls one of several types


def explain(errors: Sequence[dict[str, Any]]) -> tuple[str, str | None]:
    """One sentence on what is wrong with a request, and the field that is."""
    plain = ("string_type", "list_type")  # of a choice of types the others say more
    first = next((e for e in errors if e["type"] not in plain), errors[0])
    if first["type"] == "json_invalid":
        return "The body is not valid JSON.", None
    parts = [str(part) for part in first["loc"][1:]]
    place = ".".join(part for part in parts if part not in UNIONS and "[" not in part)
    place = place or first.get("ctx", {}).get("field")
    return f"{place or 'The request'}: {first['msg']}.", place or None


def error(
    message: str,
    *,
    kind: str = "invalid_request_error",
    param: str | None = None,
    code: str | None = None,
) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
