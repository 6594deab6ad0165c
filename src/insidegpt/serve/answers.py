"""How answers look: whole, or in chunks, in the types of OpenAI's own package.

Page: tools/openai-api.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import uuid4

from jaxtyping import Float
from openai.types import Completion, CompletionChoice, CompletionUsage
from openai.types.chat import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionMessage,
    ChatCompletionTokenLogprob,
    chat_completion,
    chat_completion_chunk,
)
from openai.types.chat.chat_completion_chunk import ChoiceDelta
from openai.types.chat.chat_completion_token_logprob import TopLogprob
from openai.types.completion_choice import Logprobs
from pydantic import BaseModel
from torch import Tensor

from insidegpt.text.interface import Tokenizer

CHUNK = "chat.completion.chunk"


class TokenLogprob(NamedTuple):
    """A token and the logarithm of its probability; the likeliest, if asked for."""

    token: bytes
    logprob: float
    likeliest: Sequence["TokenLogprob"]
    start: int  # in characters since the text began

    @property
    def name(self) -> str:
        r"""As text, or as OpenAI names pieces of a character: ``bytes:\xe4\xbb``."""
        try:
            return self.token.decode()
        except UnicodeDecodeError:
            return "bytes:" + "".join(f"\\x{byte:02x}" for byte in self.token)


def beside(
    token: int,
    logits: Float[Tensor, " V"],
    tokenizer: Tokenizer,
    *,
    alternatives: int,
    start: int,
) -> TokenLogprob:
    """A token with the likeliest ones beside it."""
    logprobs = logits.log_softmax(-1)

    def of(id: int, likeliest: Sequence[TokenLogprob] = ()) -> TokenLogprob:
        known = id < tokenizer.vocab_size  # or a row that pads the vocabulary
        name = tokenizer.token_bytes(id) if known else b""
        return TokenLogprob(name, float(logprobs[id]), likeliest, start)

    best = logprobs.topk(alternatives).indices.tolist()
    return of(token, [of(id) for id in best])


@dataclass(frozen=True)
class Piece:
    """A step of an answer, or all of them together.

    The text of a step may be empty: a character may need more tokens.
    """

    text: str
    tokens: Sequence[TokenLogprob] = ()  # if probabilities were asked for
    finish_reason: str | None = None  # "stop" or "length" with the last piece


class ChatFormat:
    """Chat completions. The chunks of one answer share its id."""

    def __init__(self, model: str) -> None:
        self.head = head("chatcmpl", model)

    def whole(self, piece: Piece, usage: CompletionUsage) -> ChatCompletion:
        choice = chat_completion.Choice(
            index=0,
            message=ChatCompletionMessage(
                role="assistant", content=piece.text, refusal=None
            ),
            logprobs=self.logprobs(piece.tokens),
            finish_reason=piece.finish_reason,
        )
        kind = "chat.completion"
        return ChatCompletion(**self.head, object=kind, choices=[choice], usage=usage)

    def opening(self) -> list[ChatCompletionChunk]:
        """What comes before there is any text."""
        return [self._chunk(ChoiceDelta(role="assistant", content=""), Piece(""))]

    def chunk(self, piece: Piece) -> ChatCompletionChunk:
        says = piece.text or piece.tokens
        return self._chunk(
            ChoiceDelta(content=piece.text) if says else ChoiceDelta(), piece
        )

    def closing(self, usage: CompletionUsage) -> ChatCompletionChunk:
        return ChatCompletionChunk(**self.head, object=CHUNK, choices=[], usage=usage)

    def _chunk(self, delta: ChoiceDelta, piece: Piece) -> ChatCompletionChunk:
        choice = chat_completion_chunk.Choice(
            index=0,
            delta=delta,
            logprobs=self.logprobs(piece.tokens),
            finish_reason=piece.finish_reason,
        )
        return ChatCompletionChunk(**self.head, object=CHUNK, choices=[choice])

    @staticmethod
    def logprobs(tokens: Sequence[TokenLogprob]) -> dict[str, Any] | None:
        """For the two types of that name, which are alike."""
        content = [
            ChatCompletionTokenLogprob(
                token=token.name,
                logprob=token.logprob,
                bytes=list(token.token),
                top_logprobs=[
                    TopLogprob(
                        token=best.name, logprob=best.logprob, bytes=list(best.token)
                    )
                    for best in token.likeliest
                ],
            )
            for token in tokens
        ]
        return {"content": content, "refusal": None} if content else None


class CompletionFormat:
    """Plain completions, whose chunks look like the whole."""

    def __init__(self, model: str) -> None:
        self.head = head("cmpl", model) | {"object": "text_completion"}

    def whole(self, piece: Piece, usage: CompletionUsage) -> Completion:
        return Completion(**self.head, choices=[self.choice(piece)], usage=usage)

    def opening(self) -> list[Completion]:
        return []

    def chunk(self, piece: Piece) -> Completion:
        return Completion(**self.head, choices=[self.choice(piece)])

    def closing(self, usage: CompletionUsage) -> Completion:
        return Completion(**self.head, choices=[], usage=usage)

    @staticmethod
    def choice(piece: Piece) -> CompletionChoice:
        tokens = piece.tokens
        logprobs = Logprobs(
            tokens=[token.name for token in tokens],
            token_logprobs=[token.logprob for token in tokens],
            # The chosen token is there though it be none of the likeliest.
            top_logprobs=[
                {best.name: best.logprob for best in (*token.likeliest, token)}
                for token in tokens
            ],
            text_offset=[token.start for token in tokens],
        )
        # The type forbids what the protocol has: a choice that is not finished.
        return CompletionChoice.model_construct(
            index=0,
            text=piece.text,
            logprobs=logprobs if tokens else None,
            finish_reason=piece.finish_reason,
        )


ResponseFormat = ChatFormat | CompletionFormat


def head(prefix: str, model: str) -> dict[str, Any]:
    """What all chunks of an answer have in common."""
    id = f"{prefix}-{uuid4().hex}"
    return {"id": id, "created": int(time.time()), "model": model}


def to_json(answer: BaseModel) -> dict[str, Any]:
    """What was said of it, and none of the many fields that were not."""
    return answer.model_dump(mode="json", exclude_unset=True, warnings=False)
