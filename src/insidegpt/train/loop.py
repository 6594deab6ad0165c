"""The loop: a batch, its loss, the gradient, a step. Every stage of training is this.

for step in train(model, batches, next_token_loss, config): ...

Pretraining, fine-tuning, a reward model and DPO differ in ``batches`` and ``loss_fn``
alone. Pages: code/pretraining and all that follow it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import nn
from torch.optim import Optimizer

from insidegpt.train.loss import Loss
from insidegpt.train.optim import make_optimizers, schedule


@dataclass(frozen=True)
class TrainConfig:
    """How long and how fast. Raises ValueError for what contradicts itself."""

    steps: int  # updates of the weights
    lr: float = 3e-3  # of AdamW, at its highest: tables, norms, biases
    matrix_lr: float | None = 0.02  # of Muon; None: AdamW moves the matrices, too
    weight_decay: float = 0.0  # of matrices, a step and unit of learning rate
    warmup: int = 20  # steps until the rates are reached
    decay: float = 0.5  # share of the steps over which they fall to zero
    accumulate: int = 1  # batches whose gradients make one step
    clip: float | None = 1.0  # longest gradient; longer ones are shortened
    autocast: torch.dtype | None = None  # of matrix products; None: as the weights
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("steps", "accumulate"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1.")
        if self.warmup < 0 or not 0 <= self.decay <= 1:
            raise ValueError("warmup is a number of steps and decay a share, 0 to 1.")
        for name in ("lr", "matrix_lr", "clip"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above 0, not {value}.")

    def share(self, number: int) -> float:
        """The part of the learning rates that a step takes."""
        return schedule(number, self.steps, warmup=self.warmup, decay=self.decay)


class Step(NamedTuple):
    """What happened in one step."""

    number: int  # from 0
    loss: float  # nats a token, before the step
    gradient: float  # its length, before it was shortened
    lr: float  # the part of the learning rates that was taken, 0 to 1
    tokens: float  # that counted; of several processes, their mean
    seconds: float


@runtime_checkable
class Numbered(Protocol):
    """Anything that has a batch for every number from 0 on."""

    def __getitem__(self, number: int): ...


class Training(NamedTuple):
    """All that a step changes; ``train.state`` keeps it."""

    model: nn.Module
    optimizers: list[Optimizer]
    done: int = 0  # steps


def begin(model: nn.Module, config: TrainConfig) -> Training:
    """Training at its first step."""
    settings = {"lr": config.lr, "matrix_lr": config.matrix_lr}
    optimizers = make_optimizers(
        model.to(config.device), weight_decay=config.weight_decay, **settings
    )
    return Training(model, optimizers)


def train(
    model: nn.Module,
    batches: Numbered,
    loss_fn: Callable[[nn.Module, object], Loss],
    config: TrainConfig,
    *,
    start: Training | None = None,
    average: Callable[[float, float], tuple[float, float]] | None = None,
) -> Iterator[Step]:
    """Train, and yield a record after each step, so that it can be stopped at any.

    start: from ``begin`` or ``state.load``; without it the training is new. average:
    where several processes train together, the mean over them of a loss and a count of
    tokens. Raises FloatingPointError where the gradient is no number any more, before a
    step is made of it, and ValueError where no token of a step counts.
    """
    _, optimizers, done = start or begin(model, config)
    for number in range(done, config.steps):
        began = time.perf_counter()
        model.train()
        loss, tokens = gradients(model, batches, loss_fn, config, number)
        loss, tokens = average(loss, tokens) if average else (loss, tokens)
        if not tokens:
            raise ValueError(
                f"No token of step {number} counts: every target of its batch is "
                "masked."
            )
        for p in trained(optimizers):
            if p.grad is not None:
                p.grad /= tokens
        length = update(optimizers, number, loss / tokens, config)
        seconds = time.perf_counter() - began
        yield Step(number, loss / tokens, length, config.share(number), tokens, seconds)


def gradients(
    model: nn.Module,
    batches: Numbered,
    loss_fn: Callable[[nn.Module, object], Loss],
    config: TrainConfig,
    number: int,
) -> tuple[float, int]:
    """Add up the gradients of a step's batches; their loss in nats, and tokens."""
    nats, tokens = 0.0, 0
    kind = torch.device(config.device).type
    for part in range(config.accumulate):
        batch = batches[number * config.accumulate + part].to(config.device)
        cast = torch.autocast(kind, config.autocast) if config.autocast else None
        with cast or nullcontext():
            loss = loss_fn(model, batch)
        loss.total.backward()  # also of zero tokens: other processes wait for it
        nats, tokens = nats + loss.total.item(), tokens + loss.tokens
    return nats, tokens


def update(
    optimizers: list[Optimizer], number: int, loss: float, config: TrainConfig
) -> float:
    """Move every weight by its gradient, and forget that; its length before the clip.

    Raises FloatingPointError where training has broken down, before anything moves.
    """
    parameters, limit = list(trained(optimizers)), config.clip or float("inf")
    length = nn.utils.clip_grad_norm_(parameters, limit).item()
    if not (abs(loss) < float("inf") and length < float("inf")):
        raise FloatingPointError(
            f"Step {number} has a loss of {loss} and a gradient of length {length}: "
            "the weights are those before it. Lower the learning rate."
        )
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            peak = group.setdefault("peak", group["lr"])
            group["lr"] = peak * config.share(number)
        optimizer.step()
        optimizer.zero_grad()
    return length


def trained(optimizers: list[Optimizer]) -> Iterator[nn.Parameter]:
    """All that they move."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            yield from group["params"]
