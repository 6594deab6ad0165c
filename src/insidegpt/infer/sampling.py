"""From logits to one token: reshape the scores, cut the tail, draw.

Pure functions, one idea each; ``probabilities`` applies them in a fixed order:
temperature, top-k, top-p, min-p. Page: algorithm/generating-text.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

Logits = Float[Tensor, "B V"]
Probabilities = Float[Tensor, "B V"]


@dataclass(frozen=True)
class Sampling:
    """How to choose the next token. Raises ValueError for what leaves none."""

    temperature: float = 1.0  # divides the logits; 0 takes the best token
    top_k: int | None = None  # keep this many tokens
    top_p: float | None = None  # keep the best that reach this share of the mass
    min_p: float | None = None  # keep tokens this many times as likely as the best
    repetition_penalty: float = 1.0  # above 1, tokens of the text become less likely
    seed: int | None = None  # same seed, same tokens; None: torch's global numbers

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise ValueError(
                f"temperature must be 0 or more and finite, not {self.temperature}."
            )
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k must be at least 1, not {self.top_k}.")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must lie above 0 and up to 1, not {self.top_p}.")
        if self.min_p is not None and not 0 <= self.min_p <= 1:
            raise ValueError(f"min_p must lie between 0 and 1, not {self.min_p}.")
        if not 0 < self.repetition_penalty < float("inf"):
            raise ValueError(
                "repetition_penalty must be above 0 and finite, not "
                f"{self.repetition_penalty}."
            )
        if self.seed is not None and not -(2**63) <= self.seed < 2**64:
            raise ValueError(f"A seed must fit into 64 bits, unlike {self.seed}.")

    def generator(self) -> torch.Generator | None:
        """A fresh stream of random numbers, begun by the seed."""
        if self.seed is None:
            return None
        return torch.Generator().manual_seed(self.seed)


GREEDY = Sampling(temperature=0.0)


def choose(
    logits: Logits,
    seen: Int[Tensor, "B S"],
    sampling: Sampling,
    generator: torch.Generator | None = None,
) -> Int[Tensor, " B"]:
    """The next token of every row, given the scores and the text so far."""
    if sampling.repetition_penalty != 1:
        penalty = sampling.repetition_penalty
        logits = penalize_repetition(logits, seen, penalty=penalty)
    if sampling.temperature == 0:
        check_numbers(logits)
        return logits.argmax(-1)
    return sample(probabilities(logits, sampling), generator)


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
    last = p.topk(min(k, p.shape[-1])).values[:, -1:]  # the k-th largest
    kept = p >= last
    if (kept.sum(-1) > k).any():  # others are as likely as the k-th
        above, tied = p > last, p == last
        kept = above | (tied & (tied.cumsum(-1) + above.sum(-1, keepdim=True) <= k))
    return p.where(kept, 0.0)


def keep_top_p(p: Probabilities, share: float) -> Probabilities:
    """Keep the fewest most likely tokens that together reach ``share`` of the mass.

    Holtzman et al. 2020, equation 2. The token that crosses the line stays, so at
    least one does.
    """
    total = p.sum(-1, keepdim=True)
    likely = _worth_sorting(p, share)
    p_sorted, order = p[:, likely].sort(dim=-1, descending=True, stable=True)
    before = p_sorted.cumsum(-1) - p_sorted  # mass of the tokens ahead in the order
    cut = (before >= share * total) & (before > 0)  # a tiny share may round to 0
    kept = p_sorted.masked_fill(cut, 0.0)
    return torch.zeros_like(p).scatter(1, likely[order], kept)


def _worth_sorting(p: Probabilities, share: float) -> Int[Tensor, " likely"]:
    """Ids of all tokens that top-p may keep, and mostly of few others.

    The token that crosses the line and those behind it, at most V, hold more than
    1 - share of the mass, and that token is the likeliest of them. So it has at least a
    V-th of 1 - share, and so has every token that stays.
    """
    poor = (1 - share) * p.sum(-1, keepdim=True) / p.shape[-1]
    return (p >= poor).any(0).nonzero()[:, 0]


def keep_min_p(p: Probabilities, fraction: float) -> Probabilities:
    """Keep tokens at least ``fraction`` as likely as the best (Nguyen et al. 2024)."""
    return p.masked_fill(p < fraction * p.max(-1, keepdim=True).values, 0.0)


def probabilities(logits: Logits, sampling: Sampling) -> Probabilities:
    """What the next token is drawn from, penalties apart. Rows sum to 1."""
    check_numbers(logits)
    if sampling.temperature == 0:
        best = logits.argmax(-1, keepdim=True)
        return torch.zeros_like(logits).scatter(1, best, 1.0)
    # Subtract the maximum first: a tiny temperature must not overflow. And one too
    # small for the type must not become 0, or the best token has 0 / 0.
    logits = logits - logits.max(-1, keepdim=True).values
    temperature = max(sampling.temperature, torch.finfo(logits.dtype).tiny)
    p = (logits / temperature).softmax(-1)
    if sampling.top_k is not None:
        p = keep_top_k(p, sampling.top_k)
    if sampling.top_p is not None:
        p = keep_top_p(p, sampling.top_p)
    if sampling.min_p is not None:
        p = keep_min_p(p, sampling.min_p)
    return p / p.sum(-1, keepdim=True)


def sample(
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


def check_numbers(logits: Logits) -> None:
    """Raise ValueError if a score is NaN or nothing can be chosen."""
    if not logits.amax(-1).isfinite().all():  # NaN goes through a maximum
        raise ValueError(
            "The model's scores are not all numbers (NaN or infinite): its weights are "
            "damaged, or its activations have overflowed."
        )
