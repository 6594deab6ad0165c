"""Generation: read the prompt once, then choose, append and read one token at a time.

``generate`` streams one sequence, ``generate_batch`` runs several of unequal length.
Page: algorithm/generating-text.
"""

from collections.abc import Iterable, Iterator, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from insidegpt.infer.sampling import GREEDY, Sampling, choose
from insidegpt.model.cache import Cache
from insidegpt.model.interface import Model

CHUNK_TOKENS = 512  # of a long prompt read at once; bounds memory, changes nothing


def prefill(
    model: Model,
    ids: Int[Tensor, "B T"],
    cache: Cache,
    *,
    valid: Bool[Tensor, "B S"] | None = None,
    chunk_tokens: int = CHUNK_TOKENS,
) -> Float[Tensor, "B V"]:
    """Read tokens into the cache, a long prompt in chunks; logits after the last one.

    With one token this is a step of decoding.
    """
    for start in range(0, ids.shape[1], chunk_tokens):
        chunk = ids[:, start : start + chunk_tokens]
        seen = None if valid is None else valid[:, : cache.tokens + chunk.shape[1]]
        hidden = model.hidden(chunk, cache=cache, valid=seen)
    return model.logits(hidden[:, -1])


def generate(
    model: Model,
    ids: Sequence[int],
    *,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    repetition_penalty: float = 1.0,
    stop_ids: Iterable[int] = (),
    seed: int | None = None,
) -> Iterator[int]:
    """Yield new token ids one by one, as they are chosen.

    The settings are those of ``Sampling``; temperature 0 is greedy. Ends after
    ``max_new_tokens`` or before yielding one of ``stop_ids``. The same seed gives the
    same tokens. Arguments are checked at once, the model runs when the first token is
    asked for.
    """
    prompt = torch.tensor([list(ids)], dtype=torch.long, device=model.device)
    model.check(prompt)
    check_room(model, prompt.shape[1], max_new_tokens)
    sampling = Sampling(temperature, top_k, top_p, min_p, repetition_penalty, seed)
    return _decode(model, prompt, sampling, max_new_tokens, frozenset(stop_ids))


def _decode(
    model: Model,
    text: Int[Tensor, "1 T"],
    sampling: Sampling,
    max_new_tokens: int,
    stop_ids: frozenset[int],
) -> Iterator[int]:
    cache = model.new_cache(batch=1, max_tokens=text.shape[1] + max_new_tokens)
    generator, unread = sampling.generator(), text
    for _ in range(max_new_tokens):
        # Not around the loop: a generator would leave the mode on for its caller.
        with torch.inference_mode():
            logits = prefill(model, unread, cache)
            token = choose(logits, text, sampling, generator)
        if int(token) in stop_ids:
            return
        unread = token[:, None]
        text = torch.cat((text, unread), dim=1)
        yield int(token)


@torch.inference_mode()
def generate_batch(
    model: Model,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    sampling: Sampling = GREEDY,
    stop_ids: Iterable[int] = (),
) -> list[list[int]]:
    """Continue several prompts of any lengths at once; one list of new ids each.

    Short prompts are padded on the left, where nothing looks at the padding, so each
    row gets what it would get alone, to within rounding: sums over more rows are taken
    in another order, and two tokens that are nearly as likely may change places.
    """
    text, valid = (x.to(model.device) for x in pad_left(prompts))
    width = text.shape[1]
    check_room(model, width, max_new_tokens)
    cache = model.new_cache(batch=len(prompts), max_tokens=width + max_new_tokens)
    ends = frozenset(stop_ids)
    stop = torch.tensor(sorted(ends), dtype=torch.long, device=model.device)
    done = torch.zeros(len(prompts), dtype=torch.bool, device=model.device)
    # The penalty must not count padding as text: pad with a token of the prompt.
    seen = torch.where(valid, text, text[:, -1:])
    generator, unread = sampling.generator(), text
    for _ in range(max_new_tokens):
        logits = prefill(model, unread, cache, valid=valid)
        token = choose(logits, seen, sampling, generator)
        done |= torch.isin(token, stop)
        unread = token[:, None]
        seen = torch.cat((seen, unread), dim=1)
        valid = torch.cat((valid, torch.ones_like(done)[:, None]), dim=1)
        if done.all():
            break
    return [until(row, ends) for row in seen[:, width:].tolist()]


def pad_left(
    prompts: Sequence[Sequence[int]],
) -> tuple[Int[Tensor, "B T"], Bool[Tensor, "B T"]]:
    """One tensor of prompts, short ones filled up on the left, and where text is."""
    if not prompts or not all(len(prompt) for prompt in prompts):
        raise ValueError("A prompt is empty: give the model at least one token each.")
    width = max(len(prompt) for prompt in prompts)
    rows = [[0] * (width - len(prompt)) + list(prompt) for prompt in prompts]
    real = [
        [False] * (width - len(prompt)) + [True] * len(prompt) for prompt in prompts
    ]
    return torch.tensor(rows), torch.tensor(real)


def check_room(model: Model, prompt_tokens: int, max_new_tokens: int) -> None:
    """Raise ValueError unless prompt and answer fit into the model's context."""
    limit = model.config.context_tokens
    if max_new_tokens < 1:
        raise ValueError(f"max_new_tokens must be at least 1, not {max_new_tokens}.")
    if prompt_tokens + max_new_tokens > limit:
        raise ValueError(
            f"The prompt has {prompt_tokens} tokens and {max_new_tokens} new ones are "
            f"wanted, but the model's context holds {limit}: shorten one of them."
        )


def until(ids: Sequence[int], stop_ids: frozenset[int]) -> list[int]:
    """The ids before the first that is one of ``stop_ids``."""
    end = next((n for n, token in enumerate(ids) if token in stop_ids), None)
    return list(ids[:end])
