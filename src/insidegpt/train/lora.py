"""Low-rank adapters: a few numbers beside frozen matrices learn instead of them.

LoRA, Hu et al. 2021, section 4.1: a matrix W becomes W + (alpha / r) B A, where A has r
rows and B as many columns. B begins at zero, so that nothing changes at first. Saved in
PEFT's format. Page: code/fine-tuning.
"""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from insidegpt.files.json_file import read_json
from insidegpt.files.replace import replace, replace_text
from insidegpt.model.convert import LLAMA_NAMES, rename
from insidegpt.model.gpt import GPT

THEIRS = {ours: other for other, ours in LLAMA_NAMES.items()}
PREFIX = "base_model.model."  # of PEFT's names


class Adapted(nn.Module):
    """A frozen linear layer and its adapter."""

    def __init__(
        self,
        linear: nn.Linear,
        *,
        rank: int,
        alpha: float,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if not 0 < rank <= min(linear.weight.shape):
            raise ValueError(
                f"A rank of {rank} does not fit into a matrix of "
                f"{linear.out_features} by {linear.in_features}."
            )
        self.linear, self.scale = linear.requires_grad_(False), alpha / rank
        like = {"dtype": linear.weight.dtype, "device": linear.weight.device}
        bound = 1 / math.sqrt(linear.in_features)
        down = torch.empty(rank, linear.in_features, **like)
        self.down = nn.Parameter(down.uniform_(-bound, bound, generator=generator))
        self.up = nn.Parameter(torch.zeros(linear.out_features, rank, **like))

    def forward(self, x: Float[Tensor, "*any I"]) -> Float[Tensor, "*any O"]:
        return self.linear(x) + self.scale * F.linear(F.linear(x, self.down), self.up)

    def merged(self) -> nn.Linear:
        """One matrix that does the same, as fast as the one before."""
        with torch.no_grad():
            self.linear.weight += self.scale * self.up @ self.down
        return self.linear


def adapt(
    model: GPT,
    *,
    rank: int,
    alpha: float,
    targets: Sequence[str] = ("query", "value"),
    generator: torch.Generator | None = None,
) -> GPT:
    """Freeze a model and put adapters beside the layers whose names end so.

    alpha: what they add is multiplied by alpha / rank. Raises ValueError for a name
    that no layer has.
    """
    model.requires_grad_(False)
    for target in targets:
        found = [n for n, layer in model.named_modules() if _is(layer, n, target)]
        if not found:
            raise ValueError(f"No linear layer of this model is called {target}.")
        for name in found:
            settings = {"rank": rank, "alpha": alpha, "generator": generator}
            _put(model, name, Adapted(model.get_submodule(name), **settings))
    return model


def merge(model: GPT) -> GPT:
    """Add every adapter to its matrix: a model of its old shape again."""
    for name, layer in list(adapters(model)):
        _put(model, name, layer.merged())
    return model


def adapters(model: nn.Module) -> Iterator[tuple[str, Adapted]]:
    """Every adapted layer and its name."""
    for name, layer in model.named_modules():
        if isinstance(layer, Adapted):
            yield name, layer


def _is(layer: nn.Module, name: str, target: str) -> bool:
    return isinstance(layer, nn.Linear) and name.rpartition(".")[2] == target


def _put(model: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, layer)


# Files, as PEFT has them -------------------------------------------------------------


def save_adapter(model: GPT, directory: str | Path, *, base: str) -> None:
    """Write the adapters alone, for ``PeftModel.from_pretrained`` and ``load_adapter``.

    base: the name of the model under them. Raises ValueError for a model that is not
    of Llama's kind, or has no adapters.
    """
    layers = dict(adapters(model))
    if not layers or model.config.rope_base is None or model.config.mlp != "swiglu":
        raise ValueError("Only adapters of a model of Llama's kind can be saved.")
    (rank,) = {len(layer.down) for layer in layers.values()}
    (scale,) = {layer.scale for layer in layers.values()}
    state = {}
    for name, layer in layers.items():
        theirs = PREFIX + rename(name, THEIRS)
        state[f"{theirs}.lora_A.weight"] = layer.down.detach().contiguous()
        state[f"{theirs}.lora_B.weight"] = layer.up.detach().contiguous()
    modules = sorted({rename(name, THEIRS).rpartition(".")[2] for name in layers})
    about = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": scale * rank,
        "lora_dropout": 0.0,
        "target_modules": modules,
        "bias": "none",
        "inference_mode": True,
    }
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "adapter_model.safetensors"
    replace(file, lambda path: save_file(state, path, {"format": "pt"}))
    text = json.dumps(about, indent=2) + "\n"
    replace_text(directory / "adapter_config.json", text)


def load_adapter(model: GPT, directory: str | Path) -> GPT:
    """Put adapters that ``save_adapter`` or PEFT has written beside a model's layers.

    Raises ValueError where they are of another kind or for another model.
    """
    directory = Path(directory)
    about = read_json(directory / "adapter_config.json")
    odd = [
        name
        for name in ("use_dora", "use_rslora", "modules_to_save", "rank_pattern")
        if about.get(name)
    ]
    if about.get("peft_type") != "LORA" or odd or about.get("bias", "none") != "none":
        raise ValueError(
            f"{directory} holds no plain LoRA adapters"
            + (f" ({', '.join(odd)} is set)." if odd else ".")
        )
    state = load_file(directory / "adapter_model.safetensors")
    names = {
        name.removeprefix(PREFIX).removesuffix(f".lora_{end}.weight"): None
        for name in state
        for end in "AB"
        if name.endswith(f".lora_{end}.weight")
    }
    model.requires_grad_(False)
    for theirs in names:
        name = rename(theirs, LLAMA_NAMES)
        down, up = (state[f"{PREFIX}{theirs}.lora_{end}.weight"] for end in "AB")
        layer = dict(model.named_modules()).get(name)
        shape = (len(up), down.shape[1])
        if not isinstance(layer, nn.Linear) or tuple(layer.weight.shape) != shape:
            raise ValueError(f"The adapter of {theirs} does not fit this model.")
        adapted = Adapted(layer, rank=len(down), alpha=about["lora_alpha"])
        adapted.down.data.copy_(down)
        adapted.up.data.copy_(up)
        _put(model, name, adapted)
    return model
