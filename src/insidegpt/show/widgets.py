"""The views that pages show: each turns what was measured into the data it draws."""

import base64
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from insidegpt.show import plots
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


class Looks(NamedTuple):
    """One sentence and where every head of a model looks in it."""

    tokens: Sequence[str]
    weights: Float[Tensor, "L H T T"]
    # What ln P(target) loses, in nats, when one head no longer sees along the wire.
    costs: Float[Tensor, "L H"] | None = None
    wire: tuple[int, int] = (0, 0)  # from the token that asks to the one that answers
    target: str = ""  # the next token, and its probability with nothing cut
    before: float = 0.0


def attention_view(
    sentences: Sequence[Looks],
    *,
    layer: int = 0,
    head: int = 0,
    known: Sequence[tuple[str, int, int]] = (),
    title: str,
    caption: str,
    alt: str,
) -> View:
    """A map of all heads, and one of them over its sentence; the last one comes first.

    known: (name, layer, head) to jump to; layer -1 is the average of all heads.
    """
    texts = []
    for looks in sentences:
        n_layers, n_heads, T, _ = looks.weights.shape
        below = looks.weights[:, :, *torch.tril_indices(T, T)]  # (L, H, T (T + 1) / 2)
        stored = (below * 255).round().to(torch.uint8).numpy().tobytes()
        text = {"tokens": list(looks.tokens), "target": looks.target}
        text |= {"weights": base64.b64encode(stored).decode(), "wire": [*looks.wire]}
        if looks.costs is not None:
            text["costs"] = [round(c, 4) for c in looks.costs.flatten().tolist()]
            text["before"] = round(looks.before, 4)
        texts.append(text)
    data = {"texts": texts, "text": len(texts) - 1, "layers": n_layers}
    data |= {"heads": n_heads, "layer": layer, "head": head}
    data["known"] = [list(entry) for entry in known]
    t, s = looks.wire

    def squares(ax: Axes) -> None:
        layers, heads = np.mgrid[:n_layers, :n_heads]
        sizes = 90 * looks.weights[:, :, t, s].numpy()
        ax.scatter(layers, heads, s=sizes, marker="s", color=plots.QUERY)
        ax.set(
            xlabel="layer",
            ylabel="head",
            title=f"{looks.tokens[t]} to {looks.tokens[s]}",
        )
        ax.invert_yaxis()

    fallback, _ = plots.pictures(squares, alt=alt, height=240)
    words = {"title": title, "caption": caption, "alt": alt, "fallback": fallback}
    return View("attention", data, **words)


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
