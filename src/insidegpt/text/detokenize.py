"""From ids to text that can be shown at once: whole characters, stop strings.

Page: algorithm/generating-text.
"""

import codecs
from collections.abc import Iterable, Iterator

from insidegpt.text.interface import Tokenizer


def stream_text(
    tokenizer: Tokenizer, ids: Iterable[int], *, stop: str | Iterable[str] | None = ()
) -> Iterator[str]:
    """Text as it becomes certain, ending before the first of the ``stop`` strings."""
    detokenizer = Detokenizer(tokenizer, stop)
    for token in ids:
        ready = detokenizer.push(token)
        if ready:
            yield ready
        if detokenizer.stopped:
            return
    rest = detokenizer.finish()
    if rest:
        yield rest


class Detokenizer:
    """Takes ids one by one and gives the text that is certain, up to a stop string.

    Text that might be the beginning of a stop string is held back until it isn't.
    """

    def __init__(
        self, tokenizer: Tokenizer, stop: str | Iterable[str] | None = ()
    ) -> None:
        stop = (stop,) if isinstance(stop, str) else tuple(stop or ())
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
