"""Keep a training of several processes: each writes and reads its own part.

The same as ``train.state``, by ``torch.distributed.checkpoint``, in safetensors files
(its own format has pickles in it). Another number of processes may go on with it, one
alone as well. Page: code/many-machines.
"""

import os
import shutil
import warnings
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from safetensors import SafetensorError
from torch import nn
from torch.distributed.checkpoint import CheckpointException
from torch.distributed.checkpoint.hf_storage import (
    HuggingFaceStorageReader,
    HuggingFaceStorageWriter,
)

from insidegpt.train.loop import TrainConfig, Training, begin
from insidegpt.train.state import slots, tensors

NAME = "step-{:08}"
NUMBERED = "step-" + "[0-9]" * 8


def save(training: Training, directory: Path) -> None:
    """Write a training into ``directory``, and remove what was kept there before.

    All processes call it. The new one takes its name when everybody has written.
    """
    kept = directory / NAME.format(training.done)
    unfinished = kept.with_suffix(".unfinished")
    if _first():
        shutil.rmtree(unfinished, ignore_errors=True)
    _meet()
    writer = HuggingFaceStorageWriter(str(unfinished), save_distributed=True)
    with _quiet():
        dcp.save(tensors(training), storage_writer=writer)
    if _first():
        shutil.rmtree(kept, ignore_errors=True)
        os.replace(unfinished, kept)
        for old in set(directory.glob(NUMBERED)) - {kept}:
            shutil.rmtree(old)
    _meet()


def load(directory: Path, model: nn.Module, config: TrainConfig) -> Training | None:
    """The training that ``save`` wrote last, in ``model``; None where there is none.

    Raises ValueError where it is damaged or belongs to another model.
    """
    kept = max(directory.glob(NUMBERED), default=None)
    if kept is None:
        return None
    training = begin(model, config)._replace(done=int(kept.name.removeprefix("step-")))
    try:
        reader = HuggingFaceStorageReader(str(kept))
        about = reader.read_metadata().state_dict_metadata
        sizes = {name: part.size for name, part in about.items()}
        _make_room(training, sizes)
        wanted = tensors(training)
        if {name: tensor.shape for name, tensor in wanted.items()} != sizes:
            raise ValueError(
                f"{kept} was written for another model or other optimizers: resume "
                "with the configuration it began with."
            )
        with _quiet():
            dcp.load(wanted, storage_reader=reader)
    except (SafetensorError, CheckpointException) as problem:
        raise ValueError(f"{kept} can't be read as a training: {problem}.") from None
    return training


def _make_room(training: Training, sizes: dict[str, torch.Size]) -> None:
    """Give the optimizers what they remember by names and sizes, all zeros yet."""
    for name, optimizer, p in slots(training):
        for full in sizes:
            if full.startswith(name):
                like = torch.zeros_like(p)  # in parts, where the parameter is
                fits = sizes[full] == p.shape
                value = like if fits else torch.zeros(sizes[full])
                optimizer.state[p][full.removeprefix(name)] = value


@contextmanager
def _quiet():
    """Without the warning that a process which is alone is alone."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled")
        yield


def _first() -> bool:
    """Whether this is process 0, or alone."""
    return not dist.is_initialized() or dist.get_rank() == 0


def _meet() -> None:
    """Wait until all processes are here."""
    if dist.is_initialized():
        dist.barrier()
