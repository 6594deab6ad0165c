"""The views that pages show: each turns what was measured into the data it draws."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from insidegpt.show.view import View, script  # noqa: F401
from insidegpt.text.bpe import BPETokenizer
from insidegpt.text.interface import Tokenizer


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


def attention_view(
    tokens: Sequence[str],
    weights: Float[Tensor, "L H T T"],
    *,
    layer: int = 0,
    head: int = 0,
    known: Sequence[tuple[str, int, int]] = (),
    caption: str,
    alt: str,
) -> View:
    """Attention of every layer and head. known: (name, layer, head) to jump to."""
    n_layers, n_heads, T, _ = weights.shape
    below = weights[:, :, *torch.tril_indices(T, T)]  # (L, H, T (T + 1) / 2)
    stored = (below * 255).round().to(torch.uint8).numpy().tobytes()
    return View(
        "attention",
        {
            "tokens": list(tokens),
            "layers": n_layers,
            "heads": n_heads,
            "layer": layer,
            "head": head,
            "known": [list(entry) for entry in known],
            "weights": base64.b64encode(stored).decode(),
        },
        caption=caption,
        alt=alt,
    )


def positions_view(
    frequencies: Float[Tensor, " half"],
    *,
    query: int = 5,
    key: int = 2,
    pair: int = 0,
    longest: int = 60,
    caption: str,
    alt: str,
) -> View:
    """A query and a key turning with their positions, for each pair of a head."""
    return View(
        "positions",
        {
            "frequencies": [float(f"{f:.5g}") for f in frequencies.tolist()],
            "query": query,
            "key": key,
            "pair": pair,
            "longest": longest,
        },
        caption=caption,
        alt=alt,
    )


def logits_view(
    tokenizer: Tokenizer,
    ids: Sequence[int],
    logits: Float[Tensor, "depth T V"],
    *,
    depths: Sequence[int] = (0,),
    k: int = 6,
    caption: str,
    alt: str,
) -> View:
    """The k likeliest next tokens at every position, read at one or more depths."""
    top = logits.softmax(-1).topk(k)
    rows = [
        [
            [[tokenizer.decode([i]), round(p, 4)] for p, i in zip(ps, ks, strict=True)]
            for ps, ks in zip(values, indices, strict=True)
        ]
        for values, indices in zip(
            top.values.tolist(), top.indices.tolist(), strict=True
        )
    ]
    tokens = [tokenizer.decode([i]) for i in ids]
    data = {"tokens": tokens, "depths": list(depths), "top": rows}
    return View("logits", data, caption=caption, alt=alt)


def sampling_view(
    tokenizer: Tokenizer,
    logits: dict[str, Float[Tensor, " V"]],
    *,
    k: int = 100,
    caption: str,
    alt: str,
) -> View:
    """Filters at work on the real logits after some prompts; the tail is binned."""
    prompts = []
    for prompt, scores in logits.items():
        ordered = scores.sort(descending=True)
        values = [round(v, 3) for v in ordered.values[:k].tolist()]
        names = [tokenizer.decode([i]) for i in ordered.indices[:k].tolist()]
        counts, edges = np.histogram(ordered.values[k:].numpy(), bins=60)
        middles = [round(m, 3) for m in ((edges[1:] + edges[:-1]) / 2).tolist()]
        rest = [[m, n] for m, n in zip(middles, counts.tolist(), strict=True) if n]
        top = [list(row) for row in zip(names, values, strict=True)]
        prompts.append({"prompt": prompt, "top": top, "rest": rest})
    return View("sampling", {"prompts": prompts}, caption=caption, alt=alt)


def steps_view(steps: Sequence[dict[str, Any]], *, caption: str, alt: str) -> View:
    """A journey: dicts of title, text, and bars [(name, share)] or pieces [str]."""
    return View("steps", {"steps": list(steps)}, caption=caption, alt=alt)


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
