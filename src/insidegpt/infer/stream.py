"""From ids to text that can be shown at once: whole characters, stop strings, chat.

Page: algorithm/generating-text.
"""

import codecs
from collections.abc import Iterable, Iterator, Sequence

from insidegpt.infer.generate import Model, generate
from insidegpt.text.bpe import Tokenizer
from insidegpt.text.chat import Message, encode_chat

PADDED_ROWS = 512  # published models round their vocabulary up, never by more


def answer(
    model: Model,
    tokenizer: Tokenizer,
    messages: Sequence[Message],
    *,
    max_new_tokens: int = 256,
    temperature: float = 0.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    repetition_penalty: float = 1.0,
    stop: Sequence[str] = (),
    seed: int | None = None,
) -> Iterator[str]:
    """The assistant's next message, piece by piece; greedy unless told otherwise."""
    check_pair(model, tokenizer)
    ids = generate(
        model,
        encode_chat(tokenizer, messages),
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        repetition_penalty=repetition_penalty,
        stop_ids=[tokenizer.special["<|im_end|>"]],
        seed=seed,
    )
    return stream_text(tokenizer, ids, stop=stop)


def check_pair(model: Model, tokenizer: Tokenizer) -> None:
    """Raise ValueError if the tokenizer can't be the one the model was trained with."""
    rows, entries = model.config.vocab_size, tokenizer.vocab_size
    if not entries <= rows <= entries + PADDED_ROWS:
        raise ValueError(
            f"The tokenizer knows {entries} tokens and the model {rows}: they do not "
            "belong together, load both from the same source."
        )


def stream_text(
    tokenizer: Tokenizer, ids: Iterable[int], *, stop: Sequence[str] = ()
) -> Iterator[str]:
    """Text as it becomes certain, ending before the first of the ``stop`` strings."""
    writer = TextWriter(tokenizer, stop)
    for token in ids:
        ready = writer.push(token)
        if ready:
            yield ready
        if writer.stopped:
            return
    rest = writer.finish()
    if rest:
        yield rest


class TextWriter:
    """Takes ids one by one and gives the text that is certain, up to a stop string.

    Text that might be the beginning of a stop string is held back until it isn't.
    """

    def __init__(self, tokenizer: Tokenizer, stop: Sequence[str] = ()) -> None:
        if "" in stop:
            raise ValueError(
                "A stop string is empty: it would stop before the first token."
            )
        self.tokenizer, self.stop = tokenizer, stop
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.held, self.stopped = "", False
        # All characters so far, held back or not, and those before the last token.
        self.characters = self.start = 0

    def push(self, token: int) -> str:
        """The text that one more token makes certain."""
        known = token < self.tokenizer.vocab_size  # or a row that pads the vocabulary
        name = self.tokenizer.token_bytes(token) if known else b""
        self.held += self.decode(name)
        found = [at for at in map(self.held.find, self.stop) if at >= 0]
        if found:
            self.stopped = True
            return self.release(min(found))
        keep = max((_overlap(self.held, s) for s in self.stop), default=0)
        return self.release(len(self.held) - keep)

    def decode(self, name: bytes) -> str:
        """The characters that a token's bytes complete, or show to be broken."""
        first = self.decoder.decode(name[:1])
        ends_one = first != "" and not self.decoder.getstate()[0]
        self.start = self.characters + len(first) - ends_one
        text = first + self.decoder.decode(name[1:])
        self.characters += len(text)
        return text

    def finish(self) -> str:
        """What was held back, when no more tokens come."""
        self.held += self.decoder.decode(b"", final=True)
        return self.release(len(self.held))

    def release(self, characters: int) -> str:
        ready, self.held = self.held[:characters], self.held[characters:]
        return ready


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of ``text`` that begins ``stop``."""
    sizes = range(min(len(text), len(stop) - 1), 0, -1)
    return next((size for size in sizes if text.endswith(stop[:size])), 0)
