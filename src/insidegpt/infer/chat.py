"""The assistant's next message, piece by piece.

Page: algorithm/generating-text.
"""

import dataclasses
from collections.abc import Iterator, Sequence

from insidegpt.infer.generate import generate
from insidegpt.infer.sampling import GREEDY, Sampling
from insidegpt.model.checkpoint import check_pair
from insidegpt.model.interface import Model
from insidegpt.text.chat import Message, encode_chat
from insidegpt.text.detokenize import stream_text
from insidegpt.text.interface import Tokenizer


def answer(
    model: Model,
    tokenizer: Tokenizer,
    messages: Sequence[Message],
    *,
    max_new_tokens: int = 256,
    sampling: Sampling = GREEDY,
    stop: str | Sequence[str] = (),
) -> Iterator[str]:
    """What the model says next in a conversation, up to its end of turn."""
    check_pair(model, tokenizer)
    ids = generate(
        model,
        encode_chat(tokenizer, messages),
        max_new_tokens=max_new_tokens,
        stop_ids=tokenizer.end_ids,
        **dataclasses.asdict(sampling),
    )
    return stream_text(tokenizer, ids, stop=stop)
