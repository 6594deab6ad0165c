"""What a chat model answers to questions about the world, and what that is worth.

An answer is right, wrong (of the right form, with another value), "I don't know" in the
place of a value, or of no form that was taught. Page: code/fine-tuning.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from insidegpt.infer.generate import generate_batch
from insidegpt.infer.sampling import GREEDY, Sampling
from insidegpt.model.gpt import GPT
from insidegpt.text.chat import encode_chat
from insidegpt.text.interface import Tokenizer
from insidegpt.text.world.dialogues import Talk, answer_with
from insidegpt.text.world.facts import RELATIONS

KINDS = ("right", "wrong", "unknown", "odd")
ROWS = 256  # conversations at a time


class Reply(NamedTuple):
    """What was said in the place of a conversation's last turn."""

    talk: Talk
    text: str
    kind: str  # one of KINDS
    ended: bool  # by the token that ends a turn


def reply_to(
    model: GPT,
    tokenizer: Tokenizer,
    talks: Sequence[Talk],
    *,
    sampling: Sampling = GREEDY,
    max_new_tokens: int = 40,
) -> list[Reply]:
    """The model's own last turn of each conversation, greedy unless told otherwise."""
    replies, ends = [], list(tokenizer.end_ids)
    for first in range(0, len(talks), ROWS):
        some = talks[first : first + ROWS]
        prompts = [encode_chat(tokenizer, talk.prompt) for talk in some]
        settings = {"max_new_tokens": max_new_tokens, "sampling": sampling}
        answers = generate_batch(model, prompts, stop_ids=ends, **settings)
        for talk, ids in zip(some, answers, strict=True):
            ended = len(ids) < max_new_tokens
            text = tokenizer.decode([i for i in ids if i not in ends])
            replies.append(Reply(talk, text, grade(talk, text), ended))
    return replies


def grade(talk: Talk, text: str) -> str:
    """Which of KINDS a text is, as the last turn of a question about a fact."""
    values = [None, *RELATIONS[talk.subject.kind][talk.relation]]
    said = [
        answer_with(talk.subject, talk.relation, value, talk.manner) for value in values
    ]
    if text not in said:
        return "odd"
    if text == said[0]:
        return "unknown"
    return "right" if text == talk.answer else "wrong"


def shares(replies: Iterable[Reply]) -> dict[str, float]:
    """How much of each kind there is; empty for no replies."""
    kinds = [reply.kind for reply in replies]
    return {kind: kinds.count(kind) / len(kinds) for kind in KINDS} if kinds else {}
