"""The view of a recorded answer: every token, what else was likely, and where that led.

Recorded is a tree. The trunk is the greedy answer; from the likelier alternatives of
its tokens grow lines that continue greedily, and from theirs grow others.
"""

import html
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch

from insidegpt.infer.generate import pad_left, prefill
from insidegpt.model.interface import Model
from insidegpt.show.view import View
from insidegpt.text.chat import encode_chat
from insidegpt.text.interface import Tokenizer

OPTIONS = 4  # tokens shown at every step, the chosen one first
BATCH = 64  # lines recorded at once

Step = list[tuple[int, float]]  # the likeliest tokens and their probabilities


class Line(NamedTuple):
    """A run of tokens, each chosen as the likeliest."""

    before: list[int]  # the prompt, the tokens of the lines below, the fork
    steps: list[Step]
    forks: dict[tuple[int, int], int]  # (step, which option): the line that begins so


@torch.inference_mode()
def record(
    model: Model, prompts: Sequence[list[int]], *, new_tokens: int, ends: Iterable[int]
) -> list[list[Step]]:
    """Greedy continuations of several prompts, with the options at every step.

    Each ends with the step that chose one of ``ends``, or after ``new_tokens``.
    """
    unread, valid = pad_left(prompts)
    cache = model.new_cache(batch=len(prompts), max_tokens=unread.shape[1] + new_tokens)
    rows: list[list[Step]] = [[] for _ in prompts]
    done: set[int] = set()
    for _ in range(new_tokens):
        top = prefill(model, unread, cache, valid=valid).softmax(-1).topk(OPTIONS)
        unread = top.indices[:, :1]
        valid = torch.cat((valid, torch.ones_like(valid[:, :1])), dim=1)
        pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
        for n, (tokens, shares) in enumerate(pairs):
            if n not in done:
                rows[n].append(list(zip(tokens, shares, strict=True)))
            if tokens[0] in ends:
                done.add(n)
    return rows


def grow(
    model: Model,
    prompt: list[int],
    *,
    new_tokens: Sequence[int],
    likely: Sequence[float],
    ends: Iterable[int],
) -> list[Line]:
    """The trunk, then the lines that leave it, then those that leave these, ...

    new_tokens: how long the lines of each level are; likely: how probable an option of
    a level must be for a line to leave there.
    """
    (steps,) = record(model, [prompt], new_tokens=new_tokens[0], ends=ends)
    lines, level = [Line(prompt, steps, {})], [0]
    for length, least in zip(new_tokens[1:], likely, strict=True):
        forks = [
            (line, at, n)
            for line in level
            for at, step in enumerate(lines[line].steps)
            for n, (token, p) in enumerate(step)
            if n and p >= least and token not in ends
        ]
        begins = []
        for line, at, n in forks:
            before, steps, _ = lines[line]
            chosen = [step[0][0] for step in steps[:at]]
            begins.append([*before, *chosen, steps[at][n][0]])
        level = []
        for start in range(0, len(forks), BATCH):
            batch = begins[start : start + BATCH]
            rows = record(model, batch, new_tokens=length, ends=ends)
            for before, steps in zip(batch, rows, strict=True):
                line, at, n = forks[len(level)]
                lines[line].forks[at, n] = len(lines)
                level.append(len(lines))
                lines.append(Line(before, steps, {}))
    return lines


def replay_view(
    model: Model,
    tokenizer: Tokenizer,
    question: str,
    *,
    new_tokens: Sequence[int] = (60, 24, 16),
    likely: Sequence[float] = (0.08, 0.25),
    title: str,
    caption: str,
    alt: str,
) -> View:
    """An answer to replay token by token, and to lead elsewhere."""
    ids = encode_chat(tokenizer, [{"role": "user", "content": question}])
    ends = frozenset(tokenizer.end_ids)
    words = {"new_tokens": new_tokens, "likely": likely, "ends": ends}
    lines = grow(model, ids, **words)
    tokens = sorted({t for line in lines for step in line.steps for t, _ in step})
    place = {token: n for n, token in enumerate(tokens)}
    stored = [
        {
            # A step is flat: token, thousandths, token, thousandths, ...
            "steps": [
                [x for t, p in step for x in (place[t], round(1000 * p))]
                for step in line.steps
            ],
            "forks": {f"{at}.{n}": to for (at, n), to in line.forks.items()},
        }
        for line in lines
    ]
    names = ["" if t in ends else tokenizer.decode([t]) for t in tokens]
    said = "".join(names[place[step[0][0]]] for step in lines[0].steps)
    return View(
        "replay",
        {"question": question, "names": names, "lines": stored},
        title=title,
        caption=caption,
        alt=alt,
        fallback=f'<p class="ig-turn"><b>You</b> {html.escape(question)}</p>'
        f'<p class="ig-turn"><b>Model</b> {html.escape(said)}</p>',
    )
