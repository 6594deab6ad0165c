"""The view of an answer's making: the same six stations for every token."""

import html
from collections.abc import Sequence

import torch

from insidegpt.infer.generate import generate
from insidegpt.model.gpt import GPT
from insidegpt.model.trace import trace
from insidegpt.show.view import View
from insidegpt.text.chat import Message, encode_chat
from insidegpt.text.interface import Tokenizer

NUMBERS = 6  # of a vector that are shown
OPTIONS = 6  # tokens at the station of scores


@torch.inference_mode()
def steps_view(
    model: GPT,
    tokenizer: Tokenizer,
    messages: Sequence[Message],
    *,
    title: str,
    caption: str,
    alt: str,
) -> View:
    """A conversation's next message, greedy, with what stood at every station."""
    ids = encode_chat(tokenizer, messages)
    settings = {"max_new_tokens": 60, "temperature": 0, "stop_ids": tokenizer.end_ids}
    new = list(generate(model, ids, **settings))
    seen = trace(model, torch.tensor(ids + new))
    rounds = []
    for at in range(len(ids) - 1, len(ids) + len(new)):
        top = seen.logits[at].softmax(-1).topk(OPTIONS)
        pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
        rounds.append(
            {
                "first": [round(x, 2) for x in seen.residual[0, at, :NUMBERS].tolist()],
                "last": [round(x, 1) for x in seen.residual[-1, at, :NUMBERS].tolist()],
                "top": [[tokenizer.decode([t]), round(p, 4), t] for t, p in pairs],
            }
        )
    said = tokenizer.decode(new)
    data = {"form": tokenizer.decode(ids).splitlines(), "ids": ids, "rounds": rounds}
    data["names"] = [tokenizer.decode([i]) for i in ids]
    data |= {"vocabulary": tokenizer.vocab_size, "width": model.config.d_model}
    fallback = f"<p>Answered token by token: {html.escape(said)}</p>"
    words = {"title": title, "caption": caption, "alt": alt, "fallback": fallback}
    return View("steps", data | {"layers": model.config.n_layers}, **words)
