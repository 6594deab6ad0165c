"""AdamW and Muon, a step at a time, and the schedule of their learning rate.

Both are subclasses of ``torch.optim.Optimizer`` for its bookkeeping (groups of
parameters, state) and do their own arithmetic; tests hold them against torch's. Pages:
math/optimizers, code/pretraining.
"""

import math
from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Optimizer

# Of a polynomial that lifts small singular values fast and leaves all near 1 (Jordan
# et al. 2024).
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


class AdamW(Optimizer):
    """Each weight moves by its mean gradient over the gradient's usual size.

    Loshchilov and Hutter 2019, algorithm 2: the decay does not pass through the mean.
    """

    def __init__(
        self,
        params: Iterable,
        *,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.95),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        rest = {"betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {"lr": lr, **rest})

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient."""
        for group, p, state in _moving(self):
            if not state:
                state["step"] = torch.zeros(())
                state["mean"], state["square"] = (
                    torch.zeros_like(p),
                    torch.zeros_like(p),
                )
            state["step"] += 1
            t, (beta1, beta2) = int(state["step"]), group["betas"]
            mean = state["mean"].lerp_(p.grad, 1 - beta1)
            square = state["square"].mul_(beta2)
            square.addcmul_(p.grad, p.grad, value=1 - beta2)
            # Both begin at zero: what they lack of it yet is divided out.
            size = (square.sqrt() / math.sqrt(1 - beta2**t)).add_(group["eps"])
            p.mul_(1 - group["lr"] * group["weight_decay"])
            p.addcdiv_(mean, size, value=-group["lr"] / (1 - beta1**t))


class Muon(Optimizer):
    """Each matrix moves by its mean gradient with all singular values set to about 1.

    Jordan et al. 2024. Of matrices inside a model only: tables and norms take AdamW.
    Tall matrices move farther, by the square root of height over width.

    dtype: of the iteration; None: 16 bits on an accelerator, as published, and as the
    matrix on a processor, where 16 bits save nothing and may take ten times as long.
    """

    def __init__(
        self,
        params: Iterable,
        *,
        lr: float = 0.02,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        dtype: torch.dtype | None = None,
    ) -> None:
        rest = {"momentum": momentum, "weight_decay": weight_decay, "dtype": dtype}
        super().__init__(params, {"lr": lr, **rest})
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(
                        f"Muon moves matrices, not a parameter of shape "
                        f"{tuple(p.shape)}: give that one to AdamW."
                    )

    @torch.no_grad()
    def step(self) -> None:
        """Move every matrix that has a gradient."""
        for group, p, state in _moving(self):
            if not state:
                state["mean"] = torch.zeros_like(p)
            momentum = group["momentum"]
            mean = state["mean"].lerp_(p.grad, 1 - momentum)
            ahead = p.grad.lerp(mean, momentum)  # Nesterov: a look at the next mean
            update = _of_whole(ahead, dtype=group["dtype"]).to(p.dtype)
            p.mul_(1 - group["lr"] * group["weight_decay"])
            tall = math.sqrt(max(1.0, p.shape[0] / p.shape[1]))
            p.add_(update, alpha=-group["lr"] * tall)


def orthogonalize(
    matrix: Float[Tensor, "R C"],
    *,
    steps: int = 5,
    dtype: torch.dtype | None = None,
) -> Float[Tensor, "R C"]:
    """U V' of the matrix U S V', nearly: singular values end between 0.7 and 1.2.

    A Newton-Schulz iteration, which multiplies matrices only and does not mind 16
    bits. Values that are less than a thousandth of the largest get less far. dtype as
    in ``Muon``.
    """
    a, b, c = NEWTON_SCHULZ
    dtype = dtype or (torch.bfloat16 if matrix.is_cuda else matrix.dtype)
    x = matrix.to(dtype)
    x = x.T if matrix.shape[0] > matrix.shape[1] else x
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if matrix.shape[0] > matrix.shape[1] else x


def _of_whole(matrix: Tensor, *, dtype: torch.dtype | None) -> Tensor:
    """``orthogonalize`` of a matrix whose rows may lie in several processes.

    It mixes all rows, so each process gathers them, computes the same, and keeps its
    own.
    """
    if not hasattr(matrix, "full_tensor"):
        return orthogonalize(matrix, dtype=dtype)
    from torch.distributed.tensor import distribute_tensor  # slow to import

    update = orthogonalize(matrix.full_tensor(), dtype=dtype)
    where = matrix.device_mesh, matrix.placements
    return distribute_tensor(update, *where, src_data_rank=None)


def _moving(optimizer: Optimizer):
    """Group, parameter and state of everything that has a gradient."""
    for group in optimizer.param_groups:
        for p in group["params"]:
            if p.grad is not None:
                yield group, p, optimizer.state[p]


def make_optimizers(
    model: nn.Module,
    *,
    lr: float,
    matrix_lr: float | None,
    weight_decay: float = 0.0,
) -> list[Optimizer]:
    """AdamW for tables, biases and norms, Muon for the matrices of the blocks.

    matrix_lr: of Muon; None: AdamW moves everything. Only matrices decay.
    """
    inner, tables, vectors = [], [], []
    for name, p in model.named_parameters():
        if p.requires_grad:
            matrix = p.ndim == 2 and not name.startswith(("embed", "position", "unem"))
            (inner if matrix else tables if p.ndim == 2 else vectors).append(p)
    if not (inner or tables or vectors):
        raise ValueError(
            "Nothing in this model can be trained: load it with trainable=True."
        )
    decayed = {"weight_decay": weight_decay}
    if matrix_lr is None or not inner:
        return [AdamW(_groups([inner + tables, vectors], [decayed, {}]), lr=lr)]
    return [
        AdamW(_groups([tables, vectors], [decayed, {}]), lr=lr),
        Muon(inner, lr=matrix_lr, **decayed),
    ]


def _groups(members: list[list[Tensor]], settings: list[dict]) -> list[dict]:
    pairs = zip(members, settings, strict=True)
    return [{"params": params, **rest} for params, rest in pairs if params]


def schedule(step: int, steps: int, *, warmup: int, decay: float) -> float:
    """What part of the learning rate a step takes: up, level, and down to zero.

    warmup: steps until all of it is reached; decay: the share of steps at the end over
    which it falls in a straight line (1: from the beginning on).
    """
    up = (step + 1) / (warmup + 1)
    down = (steps - step) / max(1.0, decay * steps)
    return min(1.0, up, down)
