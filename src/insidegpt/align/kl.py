"""How far a policy has gone from its reference: exactly, or from what it said.

KL(now | reference) is the mean of log now / reference over answers drawn from ``now``.
k1, k2 and k3 are three numbers for one draw, by Schulman 2020, "Approximating KL
Divergence". On average k1 and k3 give the KL, and k2 gives something near it.

As a loss each is something else. Where the draws come from ``now``, the gradient of k1
is zero on average, that of k2 is the gradient of KL(now | reference), and that of k3
the gradient of KL(reference | now). Page: math/alignment.
"""

from jaxtyping import Float
from torch import Tensor


def k1(now: Float[Tensor, "*B"], reference: Float[Tensor, "*B"]) -> Float[Tensor, "*B"]:
    """Log-probabilities of what was drawn; the result in nats. May be negative."""
    return now - reference


def k2(now: Float[Tensor, "*B"], reference: Float[Tensor, "*B"]) -> Float[Tensor, "*B"]:
    """Half the square of k1: never negative, and not unbiased."""
    return (now - reference).square() / 2


def k3(now: Float[Tensor, "*B"], reference: Float[Tensor, "*B"]) -> Float[Tensor, "*B"]:
    """k1 and the ratio's distance from 1, which is zero on average; never negative.

    With expm1, since exp(x) - 1 - x loses all its digits where the two are close.
    """
    apart = reference - now
    return apart.expm1() - apart


def exact_kl(
    logits: Float[Tensor, "*B V"], reference: Float[Tensor, "*B V"]
) -> Float[Tensor, "*B"]:
    """KL(now | reference) of distributions given by logits, summed over all outcomes.

    A logit of minus infinity is an outcome that can't be: it counts for nothing in
    ``logits``, and in ``reference`` alone it makes the distance infinite.
    """
    now, then = logits.log_softmax(-1), reference.log_softmax(-1)
    share = now.exp()
    return (share * (now - then)).masked_fill(share == 0, 0.0).sum(-1)
