"""From a name to parameters: found, read, and checked against their configuration.

Page: appendix/weights-and-files.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from insidegpt.files.gguf import read_gguf
from insidegpt.files.json_file import read_json
from insidegpt.files.locate import resolve, smollm2_gguf
from insidegpt.model.config import GPTConfig
from insidegpt.model.convert import Readers, from_gpt2, from_llama
from insidegpt.model.convert_gguf import from_gguf
from insidegpt.model.gpt import GPT

LLAMAS = ("llama", "mistral", "qwen2", "qwen3", "smollm3")
FAMILIES = dict.fromkeys(LLAMAS, from_llama) | {"gpt2": from_gpt2}


class Weights(Mapping[str, Tensor]):
    """Parameters by name, each read when it is asked for and then forgotten.

    Whoever packs a model so never holds all of it unpacked. Names and shapes are
    checked against the configuration; ValueError where they do not fit.
    """

    device = torch.device("cpu")

    def __init__(self, config: GPTConfig, readers: Readers) -> None:
        with torch.device("meta"):  # shapes only: no memory, no random numbers
            parameters = dict(GPT(config).named_parameters())
        self.shapes = {name: tuple(p.shape) for name, p in parameters.items()}
        self.config, self.readers = config, readers
        missing = self.shapes.keys() - readers.keys()
        unknown = readers.keys() - self.shapes.keys()
        if missing or unknown:
            raise ValueError(
                f"The weights do not fit the configuration: {_some(missing)} missing, "
                f"{_some(unknown)} unknown."
            )

    def __getitem__(self, name: str) -> Tensor:
        tensor, expected = self.readers[name](), self.shapes[name]
        if tuple(tensor.shape) != expected:
            raise ValueError(
                f"The weights do not fit the configuration: {name} has shape "
                f"{tuple(tensor.shape)}, expected {expected}."
            )
        return tensor

    def state_dict(self) -> "Weights":
        """Itself: what packs a ``GPT`` can so pack weights that were not loaded."""
        return self

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)


def load_weights(source: str | Path = "smollm2") -> Weights:
    """Configuration and parameters of what ``source`` names, as in ``load_model``."""
    if source == "smollm2":
        return Weights(*from_gguf(read_gguf(smollm2_gguf())))
    if str(source).endswith(".gguf"):
        return Weights(*from_gguf(read_gguf(source)))
    directory = resolve(source, want="weights")
    settings = read_json(directory / "config.json")
    family = settings.pop("model_type", None)
    if family not in FAMILIES and family != "insidegpt":
        raise ValueError(
            f"{directory.name} holds a model of type {family!r}; this package computes "
            f"the types {', '.join(FAMILIES)} and insidegpt."
        )
    readers = _safetensors(directory)
    try:
        if family == "insidegpt":
            return Weights(_own_config(settings), readers)
        return Weights(*FAMILIES[family](settings, readers))
    except (KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{directory.name}/config.json lacks or misnames a setting ({reason}): is "
            f"it the configuration of a {family} model?"
        ) from error


def _own_config(settings: dict) -> GPTConfig:
    lists = {name: tuple(v) for name, v in settings.items() if isinstance(v, list)}
    return GPTConfig(**settings | lists)


def _safetensors(directory: Path) -> Readers:
    """Readers of all tensors: of ``model.safetensors``, or of the shards of an index.

    As in transformers a whole file goes before an index, which may be an older one's.
    """
    names, index = ["model.safetensors"], directory / "model.safetensors.index.json"
    if index.is_file() and not (directory / names[0]).is_file():
        shards = read_json(index).get("weight_map")
        if not isinstance(shards, dict) or not shards:
            raise ValueError(f"{directory.name}/{index.name} names no shards.")
        # An index may not point elsewhere.
        names = sorted({Path(str(shard)).name for shard in shards.values()})
    readers: Readers = {}
    for name in names:
        path = directory / name
        if not path.is_file():
            raise FileNotFoundError(
                f"{directory.name} has no {name}: the weights are missing or not in "
                "safetensors form."
            )
        try:
            file = safe_open(path, framework="pt")
        except (SafetensorError, OSError) as error:
            raise ValueError(
                f"{directory.name}/{name} is truncated or corrupted: copy or download "
                "it again."
            ) from error
        readers |= {key: lambda f=file, k=key: f.get_tensor(k) for key in file.keys()}
    return readers


def _some(names: set[str]) -> str:
    first = ", ".join(sorted(names)[:3])
    return f"{len(names)} ({first})" if names else "none"
