"""How probable a model finds a text, token by token, and which of several endings.

Losses of models with other tokenizers can't be compared a token, but a byte: bits per
byte, what an ideal compressor with this model would need. Page: code/pretraining.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from insidegpt.model.gpt import GPT
from insidegpt.text.batches import IGNORED
from insidegpt.train.loss import token_logprobs


@torch.inference_mode()
def text_logprobs(
    model: GPT, ids: Sequence[int], *, context_tokens: int, stride: int | None = None
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
    rows: int = 256,
) -> Float[Tensor, " N"]:
    """Log-probability of each ending as a whole, after its prompt."""
    logprobs = []
    for start in range(0, len(prompts), rows):
        pairs = list(zip(prompts, endings, strict=True))[start : start + rows]
        longest = max(len(p) + len(e) for p, e in pairs)
        ids = torch.zeros(len(pairs), longest, dtype=torch.long)
        targets = torch.full((len(pairs), longest - 1), IGNORED)
        for row, (prompt, ending) in enumerate(pairs):
            whole = torch.tensor([*prompt, *ending])
            ids[row, : len(whole)] = whole
            targets[row, len(prompt) - 1 : len(whole) - 1] = whole[len(prompt) :]
        ids, targets = ids.to(model.device), targets.to(model.device)
        logprobs.append(token_logprobs(model(ids[:, :-1]), targets).sum(-1))
    return torch.cat(logprobs)
