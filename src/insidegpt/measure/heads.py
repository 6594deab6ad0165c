"""Heads that copy: which they are, and what a model can't do without them.

An induction head looks from a token back to what followed the same token before, and
makes it likelier. Elhage et al. 2021, "A mathematical framework for transformer
circuits", found it; Olsson et al. 2022, "In-context learning and induction heads",
score heads on random tokens that come twice, as is done here. Page:
concepts/from-base-model-to-assistant.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from insidegpt.model.gpt import GPT
from insidegpt.model.trace import trace

Head = tuple[int, int]  # its layer, and its number within the layer


def random_twice(
    vocab_size: int, *, length: int, first: Iterable[int] = (), seed: int
) -> Int[Tensor, " T"]:
    """``first``, then ``length`` different random ids, and the same ids once more.

    Nothing but the earlier copy tells what comes next in the second one.
    """
    begin = torch.tensor(list(first), dtype=torch.long)
    allowed = torch.ones(vocab_size, dtype=torch.bool)
    allowed[begin] = False
    choices = allowed.nonzero()[:, 0]
    if length > len(choices):
        raise ValueError(
            f"{length} different ids are wanted, and there are {len(choices)} besides "
            "the first ones: ask for fewer."
        )
    draw = torch.Generator().manual_seed(seed)
    once = choices[torch.randperm(len(choices), generator=draw)[:length]]
    return torch.cat((begin, once, once))


def induction_scores(
    model: GPT, ids: Int[Tensor, " T"], *, length: int
) -> Float[Tensor, "L H"]:
    """How much each head looks at what followed the same token before, on average.

    ids: end with ``length`` tokens that come twice, as ``random_twice`` writes them.
    Olsson et al.'s prefix matching score, over the second copy.
    """
    T = _check(ids, length)
    second = torch.arange(T - length, T)
    # The token was at t - length before, and t - length + 1 is what followed it.
    return trace(model, ids).attention[:, :, second, second - length + 1].mean(-1)


def previous_scores(model: GPT, ids: Int[Tensor, " T"]) -> Float[Tensor, "L H"]:
    """How much each head looks at the token just before, on average."""
    looks = trace(model, ids).attention
    return looks.diagonal(-1, dim1=-2, dim2=-1).mean(-1)


def strongest(scores: Float[Tensor, "L H"], count: int) -> list[Head]:
    """The heads with the largest scores, the largest first."""
    order = scores.flatten().argsort(descending=True, stable=True)[:count]
    return [divmod(place, scores.shape[1]) for place in order.tolist()]


@contextmanager
def silence(model: GPT, heads: Iterable[Head]) -> Iterator[None]:
    """Within it, what these heads hand over is zero; the others work as before.

    Raises ValueError for a head that the model doesn't have.
    """
    layers: dict[int, list[int]] = {}
    for layer, head in heads:
        if not (0 <= layer < len(model.blocks) and 0 <= head < model.config.n_heads):
            raise ValueError(
                f"There is no head {head} in layer {layer}: the model has "
                f"{len(model.blocks)} layers of {model.config.n_heads} heads, counted "
                "from 0."
            )
        layers.setdefault(layer, []).append(head)
    hooks = [
        model.blocks[layer].attention.out.register_forward_pre_hook(
            _zero(mine, model.config.d_head)
        )
        for layer, mine in layers.items()
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _zero(heads: list[int], d_head: int):
    """A hook for the matrix behind the heads: some of what it reads becomes zero."""

    def hook(module: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        mixed = inputs[0].unflatten(-1, (-1, d_head)).clone()  # (B, T, H, D)
        mixed[..., heads, :] = 0
        return (mixed.flatten(-2),)

    return hook


def _check(ids: Int[Tensor, " T"], length: int) -> int:
    """How many ids there are, if the last ``length`` of them repeat those before."""
    T = len(ids)
    if not 0 < 2 * length <= T or not torch.equal(
        ids[T - 2 * length : T - length], ids[T - length :]
    ):
        raise ValueError(
            f"The text must end with {length} ids that come twice in a row."
        )
    return T
