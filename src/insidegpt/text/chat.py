"""A conversation as one sequence of tokens: the model's own chat template.

The template is a small jinja program that comes with the model. It writes names of
special tokens between the messages, and only these become special tokens: what a user
types is text, whatever it looks like. Page: background/what-is-chatgpt.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TypedDict

import regex

from insidegpt.text.interface import Tokenizer
from insidegpt.text.pretokens import name_pattern
from insidegpt.text.template import render

ROLES = ("system", "user", "assistant")


class Message(TypedDict):
    """One turn of a conversation."""

    role: str  # one of ROLES
    content: str | list[dict[str, str]]  # or parts: {"type": "text", "text": ..}


def encode_chat(
    tokenizer: Tokenizer,
    messages: Sequence[Message],
    *,
    add_generation_prompt: bool = True,
) -> list[int]:
    """Ids of a conversation, ready for the assistant's next message.

    add_generation_prompt: end with the header of an assistant's message, so that the
    model's continuation is the answer. ValueError for what the template can't hold.
    """
    return _encode(tokenizer, _texts(messages), add_generation_prompt)


def encode_dialogue(
    tokenizer: Tokenizer, messages: Sequence[Message]
) -> tuple[list[int], list[bool]]:
    """Ids of a whole conversation, and which of them to learn from.

    The mask is true where the assistant wrote, the token that ends its turn included.
    Raises ValueError if the template does not write a turn as it asks for one.
    """
    messages = _texts(messages)
    ids = _encode(tokenizer, messages, False)
    mask = [False] * len(ids)
    for number, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before = _encode(tokenizer, messages[:number], True)
        whole = _encode(tokenizer, messages[: number + 1], False)
        if ids[: len(whole)] != whole or whole[: len(before)] != before:
            raise ValueError(
                f"The ids of message {number} can't be told from those around it: the "
                "chat template rewrites earlier turns or asks for an answer in other "
                "words than it writes one, or the message begins with white space."
            )
        turn = range(len(before), len(whole))
        ends = [at for at in turn if ids[at] in tokenizer.end_ids]
        ends = ends or [at for at in turn if ids[at] in tokenizer.special.values()]
        for at in range(len(before), ends[-1] + 1 if ends else len(whole)):
            mask[at] = True
    return ids, mask


def _texts(messages: Sequence[Message]) -> list[dict[str, str]]:
    """The messages with parts joined; ValueError unless they are a conversation."""
    texts = []
    for number, message in enumerate(messages):
        known = isinstance(message, Mapping) and set(message) == {"role", "content"}
        if not known or message["role"] not in ROLES:
            raise ValueError(
                f"Message {number} needs a content and a role out of "
                f"{', '.join(ROLES)}, but it is {message!r}."
            )
        if message["role"] == "system" and number > 0:
            raise ValueError(
                f"Message {number} is a system message: it must come first."
            )
        content = message["content"]
        try:
            parts = [content] if isinstance(content, str) else map(_text_of, content)
            texts.append({"role": message["role"], "content": "".join(parts)})
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"The content of message {number} should be a text, or a list of parts "
                f'{{"type": "text", "text": ..}}, not {str(content)[:60]}.'
            ) from error
    if not texts:
        raise ValueError("The conversation is empty: give at least one message.")
    return texts


def _text_of(part: Mapping[str, str]) -> str:
    if part["type"] != "text":
        raise TypeError(f"a part of type {part['type']}")
    return part["text"]


def _encode(
    tokenizer: Tokenizer, messages: list[dict[str, str]], add_generation_prompt: bool
) -> list[int]:
    """Render, then put in the special tokens that the template wrote."""
    special = tokenizer.special
    names = name_pattern(special)
    said = "".join(message["content"] for message in messages)
    free = (chr(c) for c in chain(range(0xFDD0, 0xFDF0), range(0xF0000, 0x110000)))
    unused = (character for character in free if character not in said)
    stand_in = dict(zip({c for name in special for c in name}, unused, strict=False))
    disguised = [
        message | {"content": _disguise(message["content"], special, names, stand_in)}
        for message in messages
    ]
    text = render(tokenizer, disguised, add_generation_prompt)
    back = str.maketrans({other: c for c, other in stand_in.items()})
    encode, ids = tokenizer.encode, []
    for part in names.split(text) if special else [text]:
        ids += [special[part]] if part in special else encode(part.translate(back))
        # Some tokenizers put a space before a text; from here on the text goes on.
        encode = getattr(tokenizer, "encode_after", tokenizer.encode)
    return ids


def _disguise(
    content: str,
    special: Mapping[str, int],
    names: regex.Pattern,
    stand_in: Mapping[str, str],
) -> str:
    """``content`` without any name of a special token: a character of it is replaced.

    So is one where a name only begins at the end, or ends at the beginning: the
    template might write the rest beside it.
    """
    while special and names.search(content):
        content = names.sub(lambda name: stand_in[name[0][0]] + name[0][1:], content)
    for name in special:
        for size in range(1, len(name)):
            end, start = content.rstrip(), content.lstrip()
            if end.endswith(name[:size]):
                at = len(end) - size
                content = content[:at] + stand_in[name[0]] + content[at + 1 :]
            if start.startswith(name[-size:]):
                at = len(content) - len(start) + size - 1
                content = content[:at] + stand_in[name[-1]] + content[at + 1 :]
    return content
