"""The view of tokens: each with its id, its bytes, and how it was merged."""

from typing import Any

from insidegpt.show.view import View
from insidegpt.text.bpe import BPETokenizer


def tokens_view(
    tokenizer: BPETokenizer,
    texts: dict[str, str],
    *,
    caption: str,
    alt: str,
    start: int = 0,
) -> View:
    """Tokens of several named texts, with their ids, bytes and merges."""

    def describe(text: str) -> dict[str, Any]:
        tokens = []
        for piece in tokenizer.pieces(text):
            for token in tokenizer.encode(piece):
                data = tokenizer.token_bytes(token)
                tokens.append(
                    {"id": token, "bytes": list(data), "text": _letters(data)}
                )
                tokens[-1]["steps"] = _merge_steps(tokenizer, data)
        return {"text": text, "tokens": tokens}

    data = [{"name": name, **describe(text)} for name, text in texts.items()]
    return View(
        "tokens",
        {"texts": data, "start": start},
        caption=caption,
        alt=alt,
        recompute=describe,
    )


def _merge_steps(tokenizer: BPETokenizer, data: bytes) -> list[list[str]]:
    """How a token grew out of its bytes; half a character has no text to grow from."""
    try:
        steps = tokenizer.merge_steps(data.decode("utf-8"))
    except UnicodeDecodeError:
        steps = [[data]]
    return [[_letters(part) for part in step] for step in steps]


def _letters(data: bytes) -> str:
    """Bytes as text; one that is no character by itself as its hexadecimal number."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(f"‹{byte:02x}›" for byte in data)
