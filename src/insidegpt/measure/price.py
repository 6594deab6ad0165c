"""What a model costs on somebody's processors: time, dollars and energy, by formula.

Rough on purpose: a few multiplications that can be done on paper, for models and
processors that nobody can measure here. Where they can be held against something, page
outlook/cost does so and says how far they are off. The view of that page computes the
same in the reader's browser.
"""

import math
from typing import NamedTuple

from insidegpt.measure.cost import parameters
from insidegpt.model.config import GPTConfig

HOUR_S = 3600
MILLION = 1e6
ADAM_BYTES = 16  # a parameter: 2 weight, 2 gradient, 12 copy in float32 and two moments
CACHE_BYTES = 2  # a number of the cache; also of an activation
ROOM = 0.9  # of a processor's memory that weights and caches may fill
ANSWER_TOKENS = 300  # about 220 English words


class Size(NamedTuple):
    """What of a model's shape costs something."""

    parameters: float
    active: float  # that one token passes; fewer than all with experts
    share: float  # of the experts that one token passes; 1 where there are none
    attention: float  # multiplications of a token read with each token before it
    attention_written: float  # and of one written: more, on a compressed cache
    cache: float  # numbers kept for each token
    inputs: float  # numbers that enter the blocks, for each token
    trained_tokens: float  # what it was trained on


class Processor(NamedTuple):
    """One GPU, by its data sheet; watt with its share of the machine around it."""

    flops_s: float  # in 16 bits
    bytes_s: float  # read from its memory
    memory_bytes: float
    watt: float


class Plan(NamedTuple):
    """How a model is trained and served."""

    trained_tokens: float
    bits: int  # of each weight that is served; everything is computed in 16
    context_tokens: int  # that stand before each answer
    texts: int  # served at once by the same processors
    reached: float  # share of the data sheet's numbers that is reached
    usd_hour: float  # for one processor


class Bill(NamedTuple):
    """What comes of it. Tokens per second are of all processors together."""

    training_flops: float
    training_hours: float  # of one processor
    training_usd: float
    training_kwh: float
    adam_bytes: float  # weights, gradients and optimizer of a training
    inputs_bytes: float  # kept of one text of a training that recomputes its blocks
    weight_bytes: float
    cache_bytes: float  # of all texts
    processors: float  # that serve
    step_s: float  # from one token of a text to its next
    read_tokens_s: float
    written_tokens_s: float
    read_usd: float  # a million tokens
    written_usd: float
    answer_usd: float
    answer_wh: float


def size(config: GPTConfig, *, trained_tokens: float) -> Size:
    """What a shape of ours costs: each parameter is used for each token."""
    c, N = config, float(parameters(config).total)
    products = 2.0 * c.n_layers * c.n_heads * c.d_head  # scores, and the mixture
    cache = 2.0 * c.n_layers * c.n_kv_heads * c.d_head
    inputs = float(c.n_layers * c.d_model)
    return Size(N, N, 1.0, products, products, cache, inputs, trained_tokens)


# Operations and bytes ----------------------------------------------------------------


def token_flops(model: Size, *, context_tokens: float, written: bool = False) -> float:
    """Of one token behind so many others, read or written: 2N and its attention."""
    attention = model.attention_written if written else model.attention
    return 2 * (model.active + attention * context_tokens)


def training_flops(model: Size, *, tokens: float) -> float:
    """6ND, with the parameters that a token passes as N."""
    return 6 * model.active * tokens


def touched_parameters(model: Size, *, tokens: float) -> float:
    """How many parameters must be read for tokens that are computed together.

    Each token chooses its experts; those that no token chose needn't be read. With
    random choices an expert is left out by all tokens with (1 - share)^tokens.
    """
    if model.share == 1:
        return model.parameters
    experts = (model.parameters - model.active) / (1 - model.share)
    return model.parameters - experts * (1 - model.share) ** tokens


def weight_bytes(model: Size, *, bits: int, tokens: float = math.inf) -> float:
    """Of all weights, or of those that so many tokens read."""
    return touched_parameters(model, tokens=tokens) * bits / 8


def cache_bytes(model: Size, *, tokens: float) -> float:
    """Keys and values in 16 bits."""
    return CACHE_BYTES * model.cache * tokens


# Seconds -----------------------------------------------------------------------------


def roofline_s(
    flops: float, read_bytes: float, on: Processor, *, reached: float = 1.0
) -> float:
    """The longer of computing and reading (Williams et al. 2009)."""
    return max(flops / on.flops_s, read_bytes / on.bytes_s) / reached


def step_s(model: Size, plan: Plan, on: Processor) -> float:
    """One processor's time for a token of each text; k of them take a k-th of it."""
    before = plan.context_tokens
    flops = plan.texts * token_flops(model, context_tokens=before, written=True)
    read = weight_bytes(model, bits=plan.bits, tokens=plan.texts)
    read += plan.texts * cache_bytes(model, tokens=before)
    return roofline_s(flops, read, on, reached=plan.reached)


def prompt_s(model: Size, plan: Plan, on: Processor) -> float:
    """One processor's time to read a whole prompt, its tokens all at once.

    Each is counted with the attention of the last, as ``cost.forward_flops`` does.
    """
    tokens = plan.context_tokens
    flops = tokens * token_flops(model, context_tokens=tokens)
    read = weight_bytes(model, bits=plan.bits, tokens=tokens)
    return roofline_s(flops, read, on, reached=plan.reached)


# Money and energy --------------------------------------------------------------------


def usd_a_million(seconds: float, *, usd_hour: float) -> float:
    """Price of a million tokens of which each takes one processor so many seconds."""
    return MILLION * seconds * usd_hour / HOUR_S


def bill(model: Size, plan: Plan, on: Processor) -> Bill:
    """All of it, as the page's view shows it."""
    flops = training_flops(model, tokens=plan.trained_tokens)
    hours = flops / (on.flops_s * plan.reached) / HOUR_S
    weights = weight_bytes(model, bits=plan.bits)
    cache = plan.texts * cache_bytes(model, tokens=plan.context_tokens)
    processors = max(1, math.ceil((weights + cache) / (ROOM * on.memory_bytes)))
    step, prompt = step_s(model, plan, on), prompt_s(model, plan, on)
    read_s, written_s = prompt / plan.context_tokens, step / plan.texts  # a token
    answer_s = prompt + ANSWER_TOKENS * written_s
    return Bill(
        training_flops=flops,
        training_hours=hours,
        training_usd=hours * plan.usd_hour,
        training_kwh=hours * on.watt / 1000,
        adam_bytes=ADAM_BYTES * model.parameters,
        inputs_bytes=CACHE_BYTES * model.inputs * plan.context_tokens,
        weight_bytes=weights,
        cache_bytes=cache,
        processors=processors,
        step_s=step / processors,
        read_tokens_s=processors / read_s,
        written_tokens_s=processors / written_s,
        read_usd=usd_a_million(read_s, usd_hour=plan.usd_hour),
        written_usd=usd_a_million(written_s, usd_hour=plan.usd_hour),
        answer_usd=answer_s * plan.usd_hour / HOUR_S,
        answer_wh=answer_s * on.watt / HOUR_S,
    )
