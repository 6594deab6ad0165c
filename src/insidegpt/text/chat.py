"""A conversation as one sequence of tokens: the chat template.

ChatML, which SmolLM2 was trained on: every message stands between two special tokens.
They are put in by id, so nothing that a user types can forge them.
Page: background/what-is-chatgpt.
"""

from collections.abc import Sequence
from typing import TypedDict

from insidegpt.text.bpe import Tokenizer

ROLES = ("system", "user", "assistant")
START, END = "<|im_start|>", "<|im_end|>"
# What SmolLM2's own template says where the caller gives no system message.
DEFAULT_SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


class Message(TypedDict):
    """One turn of a conversation."""

    role: str  # one of ROLES
    content: str


def encode_chat(
    tokenizer: Tokenizer,
    messages: Sequence[Message],
    *,
    add_generation_prompt: bool = True,
) -> list[int]:
    """Ids of a conversation, ready for the assistant's next message.

    add_generation_prompt: end with the header of an assistant's message, so that the
    model's continuation is the answer.
    """
    check_messages(messages)
    missing = [name for name in (START, END) if name not in tokenizer.special]
    if missing:
        raise ValueError(
            f"This tokenizer has no special token {missing[0]}, so its model was not "
            "trained on this chat format: load a chat model."
        )
    start, end = tokenizer.special[START], tokenizer.special[END]
    if messages[0]["role"] != "system":
        messages = [Message(role="system", content=DEFAULT_SYSTEM), *messages]
    ids, newline = [], tokenizer.encode("\n")
    for message in messages:
        body = tokenizer.encode(f"{message['role']}\n{message['content']}")
        ids += [start, *body, end, *newline]
    if add_generation_prompt:
        ids += [start, *tokenizer.encode("assistant\n")]
    return ids


def check_messages(messages: Sequence[Message]) -> None:
    """Raise ValueError unless this is a conversation that the template can hold."""
    if not messages:
        raise ValueError("The conversation is empty: give at least one message.")
    for number, message in enumerate(messages):
        if set(message) != {"role", "content"} or message["role"] not in ROLES:
            raise ValueError(
                f"Message {number} needs a content and a role out of "
                f"{', '.join(ROLES)}, but it is {message!r}."
            )
        if message["role"] == "system" and number > 0:
            raise ValueError(
                f"Message {number} is a system message: it must come first."
            )
