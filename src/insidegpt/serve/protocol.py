"""OpenAI's protocol: what may be asked, as types.

The subset that one text model can serve. A field that would change the answer and is
not served is refused by its name; one that changes nothing is taken.
Page: tools/openai-api.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from insidegpt.infer.sampling import Sampling
from insidegpt.text.chat import Message

Stop = Annotated[str, Field(min_length=1, max_length=256)]
TokenId = Annotated[int, Field(ge=0, lt=2**31)]
One = Annotated[int, Field(ge=1, le=1)]
Zero = Annotated[float, Field(ge=0, le=0)]
NoItems = Annotated[list, Field(max_length=0)]
NoEntries = Annotated[dict, Field(max_length=0)]


class Strict(BaseModel):
    """No field that isn't known, no "7" for a 7."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def without_nulls(cls, fields: Any) -> Any:
        """A field that is null was not asked for; clients send such."""
        if not isinstance(fields, dict):
            return fields
        return {name: value for name, value in fields.items() if value is not None}


class TextPart(Strict):
    """A piece of a message's content; this model reads text only."""

    type: Literal["text"]
    text: str


class ChatMessage(Strict):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | Annotated[list[TextPart], Field(fail_fast=True)]
    name: str | None = None
    annotations: NoItems | None = None  # an answer may have these, and is sent back
    tool_calls: NoItems | None = None

    def as_turn(self) -> Message:
        """A developer writes the system message."""
        role, content = self.role, self.content
        if not isinstance(content, str):
            content = "".join(part.text for part in content)
        return {"role": "system" if role == "developer" else role, "content": content}


class TextFormat(Strict):
    type: Literal["text"]


class StreamOptions(Strict):
    include_usage: bool = False
    include_obfuscation: Literal[False] = False


class Request(Strict):
    """What both endpoints share."""

    model: str
    temperature: float = Field(1.0, ge=0, le=2)
    top_p: float = Field(1.0, gt=0, le=1)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    # Taken where they change nothing.
    n: One = 1
    frequency_penalty: Zero = 0
    presence_penalty: Zero = 0
    logit_bias: NoEntries | None = None
    user: str | None = None

    @model_validator(mode="after")
    def streams_what_it_describes(self) -> "Request":
        if self.stream_options and not self.stream:
            raise needs("stream_options", "stream")
        return self

    @property
    def sampling(self) -> Sampling:
        top_p = self.top_p if self.top_p < 1 else None
        return Sampling(self.temperature, top_p=top_p, seed=self.seed)

    @property
    def include_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)


class ChatRequest(Request):
    messages: list[ChatMessage] = Field(min_length=1, fail_fast=True)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)  # its newer name
    logprobs: bool = False
    top_logprobs: int | None = Field(None, ge=0, le=20)
    # Taken where they change nothing.
    response_format: TextFormat | None = None
    modalities: list[Literal["text"]] | None = None
    tools: NoItems | None = None
    tool_choice: Literal["none", "auto"] | None = None
    parallel_tool_calls: bool | None = None
    store: Literal[False] = False
    metadata: dict[str, str] | None = None
    service_tier: Literal["auto", "default"] | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None

    @model_validator(mode="after")
    def reports_what_it_counts(self) -> "ChatRequest":
        if self.top_logprobs is not None and not self.logprobs:
            raise needs("top_logprobs", "logprobs")
        return self

    @property
    def max_new_tokens(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    @property
    def alternatives(self) -> int | None:
        """How many to report beside each token; None to report no probabilities."""
        return (self.top_logprobs or 0) if self.logprobs else None


class CompletionRequest(Request):
    prompt: str | Annotated[list[TokenId], Field(min_length=1, fail_fast=True)]
    max_tokens: int | None = Field(16, ge=1)
    logprobs: int | None = Field(None, ge=0, le=5)
    # Taken where they change nothing.
    best_of: One = 1
    echo: Literal[False] = False
    suffix: Literal[""] = ""

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
    def max_new_tokens(self) -> int | None:
        return self.max_tokens

    @property
    def alternatives(self) -> int | None:
        return self.logprobs


AnyRequest = ChatRequest | CompletionRequest


def needs(field: str, other: str) -> PydanticCustomError:
    """A field that is set though another one, which it describes, is not."""
    fields = {"field": field, "other": other}
    return PydanticCustomError("needs", "It needs {other} to be true", fields)


UNIONS = ("str", "constrained-str")  # what pydantic calls one of several types


def explain(errors: Sequence[dict[str, Any]]) -> tuple[str, str | None]:
    """One sentence on what is wrong with a request, and the field that is."""
    plain = ("string_type", "list_type")  # of a choice of types the others say more
    first = next((e for e in errors if e["type"] not in plain), errors[0])
    if first["type"] == "json_invalid":
        return "The body is not valid JSON.", None
    parts = [str(part) for part in first["loc"][1:]]
    field = ".".join(part for part in parts if part not in UNIONS and "[" not in part)
    field = (field or first.get("ctx", {}).get("field", ""))[:100]
    return f"{field or 'The request'}: {first['msg']}.", field or None
