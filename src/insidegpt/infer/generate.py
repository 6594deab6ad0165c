"""Generation: read the prompt once, then choose, append and read one token at a time.

``generate`` streams one sequence, ``generate_batch`` runs several of unequal length.
Page: algorithm/generating-text.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from insidegpt.infer.sampling import (
    check_settings,
    distribution,
    draw,
    penalize_repetition,
)
from insidegpt.model.cache import KVCache
from insidegpt.model.config import GPTConfig

CHUNK_TOKENS = 512  # of a long prompt read at once; bounds memory, changes nothing


@runtime_checkable
class Model(Protocol):
    """What generation needs: a ``GPT``, or something faster made of one."""

    config: GPTConfig

    @property
    def dtype(self) -> torch.dtype:
        """Of keys and values in the cache."""

    @property
    def device(self) -> torch.device:
        """Where the parameters are, and so the cache."""

    def check(self, ids: Int[Tensor, "B T"], past: int = 0) -> None:
        """Raise ValueError for ids that the model can't read."""

    def hidden(
        self,
        ids: Int[Tensor, "B T"],
        *,
        cache: KVCache | None = None,
        valid: Bool[Tensor, "B S"] | None = None,
    ) -> Float[Tensor, "B T C"]:
        """The residual stream after the last block."""

    def logits(self, x: Float[Tensor, "*any C"]) -> Float[Tensor, "*any V"]:
        """Scores of the next token."""


@runtime_checkable
class Stepper(Model, Protocol):
    """A model that reads tokens of several texts at once, each with its own cache."""

    most_rows: int  # tokens in one step

    def step(
        self,
        ids: Int[Tensor, " rows"],
        caches: Sequence[KVCache],
        counts: Sequence[int] | None = None,
    ) -> Float[Tensor, "rows V"]:
        """Logits after each token; ``counts`` of them to a text, one if not given."""


@dataclass(frozen=True)
class Sampler:
    """How to choose: the settings of ``sampling.distribution`` and a random stream."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0
    generator: torch.Generator | None = None

    def __post_init__(self) -> None:
        check_settings(self.temperature, self.top_k, self.top_p, self.min_p)
        if not self.repetition_penalty > 0:
            raise ValueError(
                f"repetition_penalty must be above 0, not {self.repetition_penalty}."
            )

    def __call__(
        self, logits: Float[Tensor, "B V"], seen: Int[Tensor, "B S"]
    ) -> Int[Tensor, " B"]:
        """The next token of every row, given the scores and the text so far."""
        if self.repetition_penalty != 1:
            logits = penalize_repetition(logits, seen, penalty=self.repetition_penalty)
        if self.temperature == 0:
            return logits.argmax(-1)
        p = distribution(
            logits,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            min_p=self.min_p,
        )
        return draw(p, self.generator)


def read(
    model: Model,
    ids: Int[Tensor, "B T"],
    cache: KVCache,
    *,
    valid: Bool[Tensor, "B S"] | None = None,
    chunk_tokens: int = CHUNK_TOKENS,
) -> Float[Tensor, "B V"]:
    """Read tokens into the cache, a long prompt in chunks; logits after the last one.

    With the prompt this is prefill, with one token a step of decoding.
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

    temperature 0 is greedy. Ends after ``max_new_tokens`` or before yielding one of
    ``stop_ids``. The same seed gives the same tokens. Arguments are checked at once,
    the model runs when the first token is asked for.
    """
    prompt = torch.tensor([list(ids)], dtype=torch.long)
    model.check(prompt)
    check_room(model, prompt.shape[1], max_new_tokens)
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    choose = Sampler(temperature, top_k, top_p, min_p, repetition_penalty, generator)
    return _decode(model, prompt, choose, max_new_tokens, frozenset(stop_ids))


def _decode(
    model: Model,
    text: Int[Tensor, "1 T"],
    choose: Sampler,
    max_new_tokens: int,
    stop_ids: frozenset[int],
) -> Iterator[int]:
    cache = new_cache(model, batch=1, max_tokens=text.shape[1] + max_new_tokens)
    unread = text
    for _ in range(max_new_tokens):
        # Not around the loop: a generator would leave the mode on for its caller.
        with torch.inference_mode():
            token = choose(read(model, unread, cache), text)
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
    sampler: Sampler = Sampler(temperature=0.0),
    stop_ids: Iterable[int] = (),
) -> list[list[int]]:
    """Continue several prompts of any lengths at once; one list of new ids each.

    Short prompts are padded on the left, where nothing looks at the padding, so each
    row gets what it would get alone.
    """
    stop = torch.tensor(sorted(stop_ids), dtype=torch.long)
    text, valid = pad_left(prompts)
    check_room(model, text.shape[1], max_new_tokens)
    width = text.shape[1]
    cache = new_cache(model, batch=len(prompts), max_tokens=width + max_new_tokens)
    done = torch.zeros(len(prompts), dtype=torch.bool)
    # The penalty must not count padding as text: pad with a token of the prompt.
    seen = torch.where(valid, text, text[:, -1:])
    unread = text
    for _ in range(max_new_tokens):
        token = sampler(read(model, unread, cache, valid=valid), seen)
        done |= torch.isin(token, stop)
        unread = token[:, None]
        seen = torch.cat((seen, unread), dim=1)
        valid = torch.cat((valid, torch.ones_like(done)[:, None]), dim=1)
        if done.all():
            break
    return [_until(row, stop.tolist()) for row in seen[:, width:].tolist()]


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


def new_cache(model: Model, *, batch: int, max_tokens: int) -> KVCache:
    """An empty cache that fits the model's type and place."""
    return KVCache(
        model.config,
        batch=batch,
        max_tokens=max_tokens,
        dtype=model.dtype,
        device=model.device,
    )


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


def _until(row: list[int], stop_ids: Sequence[int]) -> list[int]:
    ends = [at for at, token in enumerate(row) if token in stop_ids]
    return row[: ends[0]] if ends else row
