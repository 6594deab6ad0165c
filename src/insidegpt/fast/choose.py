"""Which form of a model to run: the fastest that can be had on this machine.

Page: code/fast-inference.
"""

import logging
from pathlib import Path

import torch

from insidegpt.fast.cpp_engine import CppEngine
from insidegpt.fast.tiles import pack_tiles, unpack_tiles
from insidegpt.fast.torch_engine import TorchEngine
from insidegpt.model.checkpoint import build
from insidegpt.model.gpt import GPT
from insidegpt.model.interface import Model
from insidegpt.model.weights import Weights, load_weights

log = logging.getLogger(__name__)


def load_fastest(source: str | Path = "smollm2", *, bits: int | None = None) -> Model:
    """The fastest form of a published model, its weights never all unpacked at once."""
    return fastest(load_weights(source), bits=bits)


def fastest(model: GPT | Weights, *, bits: int | None = None) -> Model:
    """A model as a CppEngine, else as a TorchEngine, else as a ``GPT``.

    bits: of the weights, 4 or 8; if not given, 4 where that changes none (judged by
    one matrix), else 8.
    """
    if bits not in (None, 4, 8):
        raise ValueError(f"bits must be 8 or 4, not {bits}.")
    if bits is None:
        bits = 4 if fits(model) else 8
    for form in (CppEngine, TorchEngine):
        try:
            return form(model, bits=bits)
        except RuntimeError as error:
            log.warning("%s Without it decoding is slower.", error)
        except ValueError:  # of another family, or of odd shape
            continue
    return model if isinstance(model, GPT) else build(model)


def fits(model: GPT | Weights) -> bool:
    """Whether four bits hold the weights exactly, judged by the first block."""
    w = model.state_dict()["blocks.0.attention.out.weight"]
    try:
        return torch.equal(unpack_tiles(pack_tiles(w, bits=4)), w)
    except ValueError:
        return False
