"""From logits to one token: reshape the scores, cut the tail, draw.

Pure functions, one idea each; ``distribution`` applies them in a fixed order:
repetition penalty, temperature, top-k, top-p, min-p. Page: algorithm/generating-text.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

Logits = Float[Tensor, "B V"]
Probabilities = Float[Tensor, "B V"]


def penalize_repetition(
    logits: Logits, seen: Int[Tensor, "B S"], *, penalty: float
) -> Logits:
    """Lower the score of every token already in the text (Keskar et al. 2019, §4.1).

    A positive logit is divided by ``penalty``, a negative one multiplied, as is usual
    now; the paper divides either.
    """
    scores = logits.gather(1, seen)
    lowered = torch.where(scores > 0, scores / penalty, scores * penalty)
    return logits.scatter(1, seen, lowered)


def keep_top_k(p: Probabilities, k: int) -> Probabilities:
    """Zero all but the k most likely tokens (Fan et al. 2018); ties go to lower ids."""
    order = p.sort(dim=-1, descending=True, stable=True).indices
    return p.scatter(1, order[:, k:], 0.0)


def keep_top_p(p: Probabilities, share: float) -> Probabilities:
    """Keep the fewest most likely tokens that together reach ``share`` of the mass.

    Holtzman et al. 2020, equation 2. The token that crosses the line stays, so at
    least one does.
    """
    total = p.sum(-1, keepdim=True)
    # Tokens below a V-th of the rest can't fill it: the line is crossed before them.
    # Sorting the others alone is mostly ten times as fast.
    poor = (1 - share) * total / p.shape[-1]
    likely = (p >= poor).any(0).nonzero()[:, 0]
    p_sorted, order = p[:, likely].sort(dim=-1, descending=True, stable=True)
    before = p_sorted.cumsum(-1) - p_sorted  # mass of the tokens ahead in the order
    cut = (before >= share * total) & (before > 0)  # a tiny share may round to 0
    kept = p_sorted.masked_fill(cut, 0.0)
    return torch.zeros_like(p).scatter(1, likely[order], kept)


def keep_min_p(p: Probabilities, fraction: float) -> Probabilities:
    """Keep tokens at least ``fraction`` as likely as the best (Nguyen et al. 2024)."""
    return p.masked_fill(p < fraction * p.max(-1, keepdim=True).values, 0.0)


def distribution(
    logits: Logits,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
) -> Probabilities:
    """Probabilities from which the next token is drawn. Rows sum to 1.

    temperature: divides the logits; 0 puts everything on the best token.
    """
    check_settings(temperature, top_k, top_p, min_p)
    if temperature == 0:
        best = logits.argmax(-1, keepdim=True)
        return torch.zeros_like(logits).scatter(1, best, 1.0)
    # Subtract the maximum first: a tiny temperature must not overflow. And one too
    # small for the type must not become 0, or the best token has 0 / 0.
    logits = logits - logits.max(-1, keepdim=True).values
    temperature = max(temperature, torch.finfo(logits.dtype).tiny)
    p = (logits / temperature).softmax(-1)
    if top_k is not None:
        p = keep_top_k(p, top_k)
    if top_p is not None:
        p = keep_top_p(p, top_p)
    if min_p is not None:
        p = keep_min_p(p, min_p)
    return p / p.sum(-1, keepdim=True)


def draw(
    p: Probabilities, generator: torch.Generator | None = None
) -> Int[Tensor, " B"]:
    """One token a row: the probabilities lie end to end, and a dart hits one of them.

    Without a generator the dart is thrown with torch's global random numbers.
    """
    ends = p.cumsum(-1, dtype=torch.float64)  # (B, V)
    dart = torch.rand(len(p), 1, dtype=torch.float64, generator=generator)
    hit = torch.searchsorted(ends, dart.to(p.device) * ends[:, -1:], right=True)
    if not (ends[:, -1] > 0).all():
        raise ValueError("No token has a probability: are the logits numbers?")
    return hit[:, 0]


def check_settings(
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    min_p: float | None,
) -> None:
    """Raise ValueError for a setting that leaves no token or means nothing."""
    if not 0 <= temperature < float("inf"):
        raise ValueError(
            f"temperature must be 0 or more and finite, not {temperature}."
        )
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k must be at least 1, not {top_k}.")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must lie above 0 and up to 1, not {top_p}.")
    if min_p is not None and not 0 <= min_p <= 1:
        raise ValueError(f"min_p must lie between 0 and 1, not {min_p}.")
