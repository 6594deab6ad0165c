"""A whole transformer in numpy, with the gradient of every part derived by hand.

Each function returns what it computes and a way back: another function, from the
gradient of the result to the gradients of the arguments. A model's backward pass is
these ways, walked in reverse. Of Llama's kind only. Page: math/loss-and-gradients.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from insidegpt.model.config import GPTConfig

Array = Float64[ndarray, "..."]
Back = Callable[[Array], tuple[Array, ...]]


def linear(x: Array, weight: Array) -> tuple[Array, Back]:
    """x W': each output is a dot product with a row of W."""

    def back(d: Array) -> tuple[Array, Array]:
        rows, given = d.reshape(-1, d.shape[-1]), x.reshape(-1, x.shape[-1])
        return d @ weight, rows.T @ given

    return x @ weight.T, back


def rms_norm(x: Array, weight: Array, eps: float) -> tuple[Array, Back]:
    """x over its root mean square, each coordinate scaled."""
    size = np.sqrt((x**2).mean(-1, keepdims=True) + eps)
    unit = x / size

    def back(d: Array) -> tuple[Array, Array]:
        inner = d * weight
        along = (inner * unit).mean(-1, keepdims=True)  # a longer x changes nothing
        axes = tuple(range(x.ndim - 1))
        return (inner - unit * along) / size, (d * unit).sum(axes)

    return unit * weight, back


def swiglu(gate: Array, up: Array) -> tuple[Array, Back]:
    """gate * sigma(gate) * up, number by number."""
    sigma = 1 / (1 + np.exp(-gate))

    def back(d: Array) -> tuple[Array, Array]:
        slope = sigma * (1 + gate * (1 - sigma))  # of gate * sigma(gate)
        return d * up * slope, d * gate * sigma

    return gate * sigma * up, back


def rotate(x: Array, base: float) -> tuple[Array, Back]:
    """Pairs of a head turned by their positions; the way back turns the other way."""
    half = x.shape[-1] // 2
    angles = np.outer(np.arange(x.shape[-2]), base ** -(np.arange(half) / half))
    cos, sin = np.cos(angles), np.sin(angles)

    def turn(v: Array, sin: Array) -> Array:
        a, b = v[..., :half], v[..., half:]
        return np.concatenate((a * cos - b * sin, b * cos + a * sin), -1)

    return turn(x, sin), lambda d: (turn(d, -sin),)


def attend(q: Array, k: Array, v: Array) -> tuple[Array, Back]:
    """Causal attention, (B, H, T, D) each; derived in math/attention."""
    T, D = q.shape[-2:]
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(D)
    scores = np.where(np.tri(T, dtype=bool), scores, -np.inf)
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    shares /= shares.sum(-1, keepdims=True)
    mixed = shares @ v

    def back(d: Array) -> tuple[Array, Array, Array]:
        mean = (d * mixed).sum(-1, keepdims=True)
        d_scores = shares * (d @ v.swapaxes(-1, -2) - mean) / np.sqrt(D)
        d_k = d_scores.swapaxes(-1, -2) @ q
        return d_scores @ k, d_k, shares.swapaxes(-1, -2) @ d

    return mixed, back


def cross_entropy(logits: Array, targets: Int64[ndarray, "..."]) -> tuple[float, Back]:
    """Mean surprise in nats; the way back is (p - 1 at the target) over the count."""
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    right = np.arange(p.shape[-1]) == targets[..., None]

    def back(d: Array | float) -> tuple[Array]:
        return (d * (p - right) / targets.size,)

    return -np.log(p[right]).mean(), back


class Loss(NamedTuple):
    """Of a text, and what every weight could do about it."""

    value: float  # nats a token
    gradients: dict[str, Array]


def loss_and_gradients(
    weights: Mapping[str, Array],
    ids: Int64[ndarray, "B T"],
    targets: Int64[ndarray, "B T"],
    config: GPTConfig,
) -> Loss:
    """Forward through the whole model, and back.

    weights: by the names of ``GPT.state_dict``, in float64. Raises ValueError for a
    model that is not of Llama's kind.
    """
    llama = config.rms_eps and config.rope_base and config.mlp == "swiglu"
    if not llama or config.bias != "none":
        raise ValueError("Only models with RMSNorm, RoPE, SwiGLU, no biases are here.")
    if config.rope_factors or config.unrotated_layers:
        raise ValueError("Rotary positions are turned here as in the RoPE paper alone.")
    grads = {"embed.weight": np.zeros_like(weights["embed.weight"])}
    x, ways = weights["embed.weight"][ids], []  # (B, T, C)
    for n in range(config.n_layers):
        for norm, part in (("norm1", attention), ("norm2", mlp)):
            norm, prefix = f"blocks.{n}.{norm}.weight", f"blocks.{n}.{part.__name__}."
            normed, back_norm = rms_norm(x, weights[norm], config.rms_eps)
            added, back_part = part(normed, weights, prefix, config, grads)
            x = x + added
            ways.append((norm, back_norm, back_part))
    table = "embed.weight" if config.tied else "unembed.weight"
    normed, back_norm = rms_norm(x, weights["norm.weight"], config.rms_eps)
    logits, back_logits = linear(normed, weights[table])
    loss, back_loss = cross_entropy(logits, targets)

    d, grads[table] = back_logits(*back_loss(1.0))
    d, grads["norm.weight"] = back_norm(d)
    for norm, back_norm, back_part in reversed(ways):
        inner, grads[norm] = back_norm(back_part(d))
        d = d + inner  # x went around the part and through it: both ways back add up
    np.add.at(grads["embed.weight"], ids, d)  # once for each place of a token
    return Loss(float(loss), grads)


def attention(x, weights, prefix, config, grads):
    """Project, norm, rotate, mix, project; fills ``grads`` on the way back."""
    (B, T), D = x.shape[:2], config.d_head
    group = config.n_heads // config.n_kv_heads
    heads, ways = [], []
    for name in ("query", "key", "value"):
        y, back = linear(x, weights[f"{prefix}{name}.weight"])
        y, steps = y.reshape(B, T, -1, D).swapaxes(1, 2), []
        if name != "value":
            if config.qk_norm:
                scale = f"{prefix}{name}_norm.weight"
                y, back_norm = rms_norm(y, weights[scale], config.rms_eps)
                steps.append((scale, back_norm))
            y, back_turn = rotate(y, config.rope_base)
            steps.append((None, back_turn))
        heads.append(y)
        ways.append((f"{prefix}{name}.weight", back, steps))
    mixed, back_mix = attend(heads[0], *(y.repeat(group, 1) for y in heads[1:]))
    joined = mixed.swapaxes(1, 2).reshape(B, T, -1)
    y, back_out = linear(joined, weights[f"{prefix}out.weight"])

    def back_all(d):
        d, grads[f"{prefix}out.weight"] = back_out(d)
        d_q, *rest = back_mix(d.reshape(B, T, -1, D).swapaxes(1, 2))
        rest = [g.reshape(B, -1, group, T, D).sum(2) for g in rest]  # heads that share
        total = 0.0
        for d, (name, back, steps) in zip((d_q, *rest), ways, strict=True):
            for scale, step in reversed(steps):
                d, *of_scale = step(d)
                if scale:
                    (grads[scale],) = of_scale
            d, grads[name] = back(d.swapaxes(1, 2).reshape(B, T, -1))
            total = total + d
        return total

    return y, back_all


def mlp(x, weights, prefix, config, grads):
    """Gate, widen, bend, narrow; fills ``grads`` on the way back."""
    names = [f"{prefix}{name}.weight" for name in ("gate", "up", "down")]
    gate, back_gate = linear(x, weights[names[0]])
    up, back_up = linear(x, weights[names[1]])
    bent, back_bend = swiglu(gate, up)
    y, back_down = linear(bent, weights[names[2]])

    def back(d):
        d, grads[names[2]] = back_down(d)
        d_gate, d_up = back_bend(d)
        d_gate, grads[names[0]] = back_gate(d_gate)
        d_up, grads[names[1]] = back_up(d_up)
        return d_gate + d_up

    return y, back
