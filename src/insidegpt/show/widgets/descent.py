"""The view of descent: an optimizer, a valley of two weights, and the way down it."""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from insidegpt.show import plots
from insidegpt.show.view import View
from insidegpt.train.optim import NEWTON_SCHULZ, AdamW, Muon

OPTIMIZERS = ("SGD", "momentum", "Adam", "Muon")
MOMENTUM, BETAS, EPS, MUON = 0.9, (0.9, 0.95), 1e-8, 0.95
_MANTISSAS = (1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9, 9.5)
RATES = tuple(float(f"{m}e{n}") for n in (-3, -2, -1) for m in _MANTISSAS)
ELONGATIONS = (1, 2, 5, 10, 20, 50, 100)
START, STEPS = (-9.0, 3.0), 60  # along the valley and across it
TURN = torch.tensor([[1.0, -1.0], [1.0, 1.0]], dtype=torch.float64) * math.sqrt(0.5)


def descend(
    optimizer: str,
    *,
    rate: float,
    elongation: float,
    tilted: bool = False,
) -> Float[Tensor, "N 2"]:
    """The places of two weights, step by step, from ``START`` on.

    The loss is half of s² + elongation · t², s along the valley and t across it. The
    weights are s and t, or, tilted, both turned by 45 degrees. For Muon, which moves
    matrices, s and t stand on the diagonal of one, and a turn of the weights is a turn
    of that matrix: its steps are the same.
    """
    turn = TURN if tilted else torch.eye(2, dtype=torch.float64)
    curves = torch.tensor([1.0, elongation], dtype=torch.float64)
    begin = torch.tensor(START, dtype=torch.float64)
    weights = (begin.diag() if optimizer == "Muon" else turn @ begin).requires_grad_()
    moving = {
        "SGD": lambda p: torch.optim.SGD(p, lr=rate),
        "momentum": lambda p: torch.optim.SGD(p, lr=rate, momentum=MOMENTUM),
        "Adam": lambda p: AdamW(p, lr=rate, betas=BETAS, eps=EPS),
        "Muon": lambda p: Muon(p, lr=rate, momentum=MUON),
    }[optimizer]([weights])
    places = [turn @ begin]
    for _ in range(STEPS):
        at = weights.diagonal() if optimizer == "Muon" else turn.T @ weights
        moving.zero_grad()
        (curves * at.square()).sum().div(2).backward()
        moving.step()
        now = weights.detach()
        places.append(turn @ now.diagonal() if optimizer == "Muon" else now.clone())
    return torch.stack(places)


def descent_view(
    *,
    optimizer: str,
    elongation: float,
    rates: Mapping[str, float],
    title: str,
    caption: str,
    alt: str,
) -> View:
    """A valley to go down. rates: with which each optimizer begins, one of ``RATES``.

    Raises ValueError for a rate or an elongation that the sliders don't have.
    """
    if elongation not in ELONGATIONS or not set(rates.values()) <= set(RATES):
        raise ValueError(
            f"The elongation must be one of {ELONGATIONS}, and the rates of {RATES}."
        )
    data = {
        "names": list(OPTIMIZERS),
        "rates": list(RATES),
        "elongations": list(ELONGATIONS),
        "start": list(START),
        "steps": STEPS,
        "momentum": MOMENTUM,
        "betas": list(BETAS),
        "eps": EPS,
        "muon": MUON,
        "polynomial": list(NEWTON_SCHULZ),
        "optimizer": OPTIMIZERS.index(optimizer),
        "elongation": ELONGATIONS.index(elongation),
        "begin": [RATES.index(rates[name]) for name in OPTIMIZERS],
    }
    places = descend(optimizer, rate=rates[optimizer], elongation=elongation)

    def paint(ax: Axes) -> None:
        x, y = torch.linspace(-11, 11, 89), torch.linspace(-5, 5, 41)
        loss = (x[None] ** 2 + elongation * y[:, None] ** 2) / 2
        ax.contour(x, y, loss, colors=plots.MUTED, linewidths=1)
        ax.plot(*places.T, color=plots.QUERY, marker=".")
        ax.set(xlabel="first weight", ylabel="second weight")

    fallback, _ = plots.pictures(paint, alt=alt, height=300)
    words = {"title": title, "caption": caption, "alt": alt, "fallback": fallback}
    return View("descent", data, **words)
