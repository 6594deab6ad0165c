"""Keep a training so that it goes on as if it had never stopped: to the last bit.

One safetensors file holds weights, what the optimizers remember and the number of
steps. Batches are functions of their number, and the model has no dropout, so there
is nothing else to keep. Page: code/pretraining.
"""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from insidegpt.files.replace import replace
from insidegpt.train.loop import TrainConfig, Training, begin


def save(training: Training, path: Path) -> None:
    """Write a training; the file is complete before it takes its name."""
    kept = {n: t.contiguous() for n, t in tensors(training).items()}
    about = {"steps": str(training.done), "shape": json.dumps(_shapes(training.model))}
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, lambda unfinished: save_file(kept, unfinished, metadata=about))


def load(path: Path, model: nn.Module, config: TrainConfig) -> Training:
    """The training that ``save`` wrote, in ``model``, which takes its weights.

    Raises ValueError where the file is damaged or belongs to another model.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            kept = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as problem:
        raise ValueError(f"{path} can't be read as a training: {problem}.") from None
    if about.get("shape") != json.dumps(_shapes(model)):
        raise ValueError(
            f"{path} was written for a model of another shape: resume with the "
            "configuration it began with."
        )
    training = begin(model, config)._replace(done=int(about["steps"]))
    model.load_state_dict(
        {n.removeprefix("model."): t for n, t in kept.items() if n[:6] == "model."}
    )
    _fill(training, kept, path)
    return training


def _shapes(model: nn.Module) -> dict[str, list[int]]:
    return {name: list(tensor.shape) for name, tensor in model.state_dict().items()}


def slots(training: Training):
    """Every parameter that an optimizer moves, and a name for it."""
    for number, optimizer in enumerate(training.optimizers):
        params = (p for group in optimizer.param_groups for p in group["params"])
        for place, p in enumerate(params):
            kind = type(optimizer).__name__
            yield f"{number}.{kind}.{place}.", optimizer, p


def tensors(training: Training) -> dict[str, Tensor]:
    """All that a step changes, by name."""
    found = {f"model.{n}": t for n, t in training.model.state_dict().items()}
    for name, optimizer, p in slots(training):
        for key, value in optimizer.state[p].items():
            found[name + key] = value
    return found


def _fill(training: Training, kept: dict[str, Tensor], path: Path) -> None:
    remembered = {name for name in kept if not name.startswith("model.")}
    for name, optimizer, p in slots(training):
        mine = {n for n in remembered if n.startswith(name)}
        if not mine:
            raise ValueError(
                f"{path} was written with other optimizers: resume with the settings "
                "it began with."
            )
        remembered -= mine
        for full in mine:
            value = kept[full].to(p.device)
            optimizer.state[p][full.removeprefix(name)] = value
    if remembered:
        raise ValueError(f"{path} remembers more than these optimizers can hold.")
