"""One training on several processes: each takes a share of every step's batches.

Started by ``torchrun``; the loop is ``train.loop.train``, unchanged. Gradients are
averaged by torch while they are computed: of a whole copy of the model in each process
(``replicate``) or of parts that no other process keeps (``shard``). Page:
code/many-machines.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from insidegpt.model.gpt import GPT
from insidegpt.train.loop import Numbered

GONE = ("closed by peer", "reset by peer", "Broken pipe", "timed out", "Timed out")


class Place(NamedTuple):
    """Which of how many processes this is."""

    rank: int  # from 0
    world: int


@contextmanager
def together(*, timeout_s: float = 600) -> Iterator[Place]:
    """Meet the other processes that ``torchrun`` started; part from them at the end.

    timeout_s: how long to wait for one that is late. Raises RuntimeError where nobody
    was started by torchrun, and SystemExit, in one sentence, where one of the others is
    gone: what was saved before is whole.
    """
    if "RANK" not in os.environ:
        raise RuntimeError(
            "This program is one of several that train together: start it by "
            "`torchrun --standalone --nproc-per-node 2 PROGRAM`."
        )
    dist.init_process_group("gloo", timeout=timedelta(seconds=timeout_s))
    place = Place(dist.get_rank(), dist.get_world_size())
    try:
        yield place
    except RuntimeError as error:
        if not any(sign in str(error) for sign in GONE):
            raise
        raise SystemExit(
            f"Process {place.rank} of {place.world} stops, because another one is "
            "gone. What was saved is whole: start all of them again to go on from it."
        ) from None
    finally:
        dist.destroy_process_group()


class Share:
    """Every ``world``-th batch, beginning with number ``rank``."""

    def __init__(self, batches: Numbered, place: Place) -> None:
        self.batches, self.place = batches, place

    def __getitem__(self, number: int):
        rank, world = self.place
        return self.batches[number * world + rank]


def replicate(model: GPT) -> nn.Module:
    """A copy of the model in each process, all with the weights of process 0.

    When ``backward`` returns, each has the mean of all gradients (Li et al. 2020).
    Parameters are those of ``model``: save and measure that one.
    """
    return DistributedDataParallel(model)


def shard(model: GPT) -> GPT:
    """Leave this process a part of every parameter; returns ``model`` itself.

    Rows of a block's parameters come together when the block computes, forward and
    backward, and are let go after it; of gradients and of what optimizers remember
    there is only the own part (Rajbhandari et al. 2020, stage 3; Zhao et al. 2023). To
    be done before ``train.loop.begin``.
    """
    for block in model.blocks:
        fully_shard(block)
    return fully_shard(model)  # the rest: tables and the last norm


def average(nats: float, tokens: float) -> tuple[float, float]:
    """The mean of both over all processes, as ``train`` wants it.

    Torch gives the mean of the gradients of sums. Divided by the mean number of tokens
    it is the gradient of all processes' tokens, however unequal their shares are.
    """
    both = torch.tensor([nats, tokens], dtype=torch.float64)
    dist.all_reduce(both)
    nats, tokens = (both / dist.get_world_size()).tolist()
    return nats, tokens
