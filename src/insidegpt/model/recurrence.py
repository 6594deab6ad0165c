"""Carrying a state of fixed size from token to token: an LSTM's cell, the delta rule.

LSTM: Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000. Delta
rule: Schlag et al. 2021, equation 24; all tokens in one pass: Yang et al. 2024. Page:
concepts/transformer-or-rnn.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

CHUNK = 64  # tokens of which delta_chunks makes a triangular table


def lstm_cell(
    x: Float[Tensor, "B C"],
    h: Float[Tensor, "B N"],
    c: Float[Tensor, "B N"],
    weights: tuple[Tensor, Tensor, Tensor],
) -> tuple[Float[Tensor, "B N"], Float[Tensor, "B N"]]:
    """One token: what the cell says (h) and what it keeps (c).

    weights: (4N, C), (4N, N) and (4N,), the gates in torch's order.
    """
    of_x, of_h, bias = weights
    gates = F.linear(x, of_x, bias) + F.linear(h, of_h)  # (B, 4N)
    write, keep, new, tell = gates.chunk(4, dim=-1)
    c = keep.sigmoid() * c + write.sigmoid() * new.tanh()
    return tell.sigmoid() * c.tanh(), c


def delta_steps(
    q: Float[Tensor, "B H T D"],
    k: Float[Tensor, "B H T D"],
    v: Float[Tensor, "B H T D"],
    beta: Float[Tensor, "B H T"],
    state: Float[Tensor, "B H D D"],
) -> tuple[Float[Tensor, "B H T D"], Float[Tensor, "B H D D"]]:
    """The delta rule, a token at a time: correct what the state says at this key."""
    told = []
    for t in range(q.shape[2]):
        key, query = k[:, :, t, None], q[:, :, t, None]  # (B, H, 1, D)
        wrong = v[:, :, t, None] - key @ state  # (B, H, 1, D)
        state = state + key.mT @ (beta[:, :, t, None, None] * wrong)
        told.append(query @ state)
    return torch.cat(told, 2), state


def delta_chunk(
    q: Float[Tensor, "B H T D"],
    k: Float[Tensor, "B H T D"],
    v: Float[Tensor, "B H T D"],
    beta: Float[Tensor, "B H T"],
    state: Float[Tensor, "B H D D"],
) -> tuple[Float[Tensor, "B H T D"], Float[Tensor, "B H D D"]]:
    """The same for all tokens at once: their corrections solve one linear system.

    A correction depends on the earlier ones, through the products of their keys; so
    the system is triangular, and no step waits for the one before it in Python.
    """
    beta = beta[..., None]  # (B, H, T, 1)
    earlier = (beta * (k @ k.mT)).tril(-1)  # (B, H, T, T)
    wrong = beta * (v - k @ state)
    written = torch.linalg.solve_triangular(
        earlier, wrong, upper=False, unitriangular=True
    )  # (B, H, T, D)
    told = q @ state + (q @ k.mT).tril() @ written
    return told, state + k.mT @ written


def delta_chunks(
    q: Float[Tensor, "B H T D"],
    k: Float[Tensor, "B H T D"],
    v: Float[Tensor, "B H T D"],
    beta: Float[Tensor, "B H T"],
    state: Float[Tensor, "B H D D"],
    *,
    chunk: int = CHUNK,
) -> tuple[Float[Tensor, "B H T D"], Float[Tensor, "B H D D"]]:
    """Chunk by chunk, so that the work grows with T and not with its square."""
    told = []
    for start in range(0, q.shape[2], chunk):
        part = slice(start, start + chunk)
        some, state = delta_chunk(
            q[:, :, part], k[:, :, part], v[:, :, part], beta[:, :, part], state
        )
        told.append(some)
    return torch.cat(told, 2), state
