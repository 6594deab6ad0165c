"""How probable a model finds a text, token by token, and which of several endings.

Losses of models with other tokenizers can't be compared a token, but a byte: bits per
byte, what an ideal compressor with this model would need. Page: code/pretraining.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from insidegpt.model.gpt import GPT
from insidegpt.train.loss import token_logprobs


@torch.inference_mode()
def text_logprobs(
    model: nn.Module,
    ids: Sequence[int],
    *,
    context_tokens: int,
    stride: int | None = None,
) -> Float[Tensor, " scored"]:
    """Log-probability of each token but the first, each scored once.

    Windows of ``context_tokens`` move on by ``stride`` (half a window if not given),
    and the tokens that are new in a window are scored with all of it before them: at
    least ``context_tokens - stride`` but near the text's beginning.
    Raises ValueError for a text of fewer than two tokens.
    """
    if len(ids) < 2:
        raise ValueError("A text needs two tokens: the first is given, not predicted.")
    stride = stride or max(1, context_tokens // 2)
    if not 0 < stride <= context_tokens:
        raise ValueError(f"stride must be from 1 to {context_tokens}, not {stride}.")
    text, scored = torch.as_tensor(ids, device=model.device), []
    done = 1  # tokens that are scored, or given
    while done < len(text):
        end = min(len(text), done + (stride if done > 1 else context_tokens))
        begin = max(0, end - 1 - context_tokens)
        logits = model(text[None, begin : end - 1])[0, done - 1 - begin :]
        scored.append(token_logprobs(logits[None], text[None, done:end])[0])
        done = end
    return torch.cat(scored)


def bits_per_byte(logprobs: Float[Tensor, " N"], text_bytes: int) -> float:
    """Bits that a byte of a text takes, from the log-probabilities of its tokens."""
    return -logprobs.double().sum().item() / math.log(2) / text_bytes


@torch.inference_mode()
def ending_logprobs(
    model: GPT,
    prompts: Sequence[Sequence[int]],
    endings: Sequence[Sequence[int]],
    *,
    rows: int = 64,
) -> Float[Tensor, " N"]:
    """Log-probability of each ending as a whole, after its prompt.

    Endings that differ in their last token alone share a reading; ``rows`` readings
    are made at a time. Raises ValueError for an empty prompt or ending.
    """
    if not all([*prompts, *endings]):
        raise ValueError("A prompt and an ending have at least one token each.")
    pairs = list(zip(prompts, endings, strict=True))
    asked: dict[tuple[tuple[int, ...], int], list[int]] = {}  # a text, and its pairs
    for place, (prompt, ending) in enumerate(pairs):
        key = (*prompt, *ending[:-1]), len(ending)
        asked.setdefault(key, []).append(place)
    scores = torch.zeros(len(pairs), dtype=model.dtype, device=model.device)
    keys = sorted(asked, key=lambda key: len(key[0]))  # little padding, on the right
    for start in range(0, len(keys), rows):
        group = keys[start : start + rows]
        ids = [torch.tensor(text, device=model.device) for text, _ in group]
        read = model(pad_sequence(ids, batch_first=True))
        for logits, (text, length) in zip(read, group, strict=True):
            places = asked[text, length]
            ends = [list(pairs[place][1]) for place in places]
            span = logits[len(text) - length : len(text)].expand(len(ends), -1, -1)
            found = token_logprobs(span, torch.tensor(ends, device=model.device))
            scores[places] = found.sum(-1).to(scores.dtype)
    return scores
