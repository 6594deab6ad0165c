"""What a training is made of, as a file can say it: a text, a model, and steps.

    [source]
    text = "docstrings"
    packages = ["numpy"]

    [model]
    preset = "mini"
    n_layers = 2

    [training]
    steps = 300

Every key is a field of the three dataclasses below; what is left out has its default.
Page: code/pretraining.
"""

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import torch

from insidegpt.model.config import PRESETS, GPTConfig
from insidegpt.train.loop import TrainConfig

PRECISIONS = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Source:
    """Which text, and how it is cut up. Raises ValueError for what can't be."""

    text: str = "docstrings"  # or "world", a file, a directory, a data set of the hub
    packages: tuple[str, ...] = ("numpy", "torch")  # whose docstrings
    people: int = 240  # of the world, and as many products
    vocab_size: int = 1024  # tokens, learned from the text; 259: bytes and specials
    context_tokens: int = 128
    rows: int = 16  # windows a batch
    held_out: float = 0.02  # share of the text that is measured on and not learned

    def __post_init__(self) -> None:
        if self.vocab_size < 259:
            raise ValueError(
                "vocab_size must be at least 259: 256 bytes and 3 special tokens."
            )
        if min(self.context_tokens, self.rows, self.people) < 1:
            raise ValueError("context_tokens, rows and people must be at least 1.")
        if not 0 < self.held_out < 1:
            raise ValueError("held_out is a share of the text, between 0 and 1.")


@dataclass(frozen=True)
class Recipe:
    """A whole training. Raises ValueError where its parts don't fit together."""

    source: Source = field(default_factory=Source)
    model: GPTConfig = PRESETS["mini"]
    training: TrainConfig = field(default_factory=lambda: TrainConfig(600))
    seed: int = 0  # of the first weights, of the order of the text
    report_every: int = 100  # steps; then it is measured, kept, and shown writing

    def __post_init__(self) -> None:
        if self.model.vocab_size != self.source.vocab_size:
            raise ValueError(
                f"The model has {self.model.vocab_size} tokens and the tokenizer "
                f"{self.source.vocab_size}: give vocab_size once, under source."
            )
        if self.model.context_tokens < self.source.context_tokens:
            raise ValueError(
                f"A window of {self.source.context_tokens} tokens does not fit into "
                f"the model's context of {self.model.context_tokens}."
            )
        if self.report_every < 1:
            raise ValueError("report_every must be at least 1.")


GPT2_SHAPE = GPTConfig(4096, 256, 6, 128, 4, 4, 512)
SMALL_SHAPE = GPTConfig(
    640, 256, 3, 96, 3, 3, 256, rope_base=1e4, rms_eps=1e-5, mlp="swiglu", bias="none",
    qk_norm=True,
)  # fmt: skip
BYTES = dataclasses.replace(PRESETS["mini"], vocab_size=259)

RECIPES = {
    "mini": Recipe(Source("world", rows=24), training=TrainConfig(2000)),
    "small-world": Recipe(
        Source("world", vocab_size=640, people=16),
        SMALL_SHAPE,
        TrainConfig(200, lr=4e-3),
    ),
    "small-gpt2": Recipe(
        Source(vocab_size=4096),
        GPT2_SHAPE,
        TrainConfig(1000, lr=2e-3, matrix_lr=None, warmup=100, decay=0.9),
    ),
    "bytes": Recipe(Source(vocab_size=259, packages=("numpy",)), BYTES),
}


def load_recipe(source: str | Path) -> Recipe:
    """One of ``RECIPES``, by name, or a TOML file.

    Raises ValueError or FileNotFoundError, one sentence each.
    """
    if str(source) in RECIPES:
        return RECIPES[str(source)]
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(
            f"{source} is neither a recipe here nor a file: the recipes are "
            f"{', '.join(RECIPES)}."
        )
    try:
        return parse(tomllib.loads(path.read_text("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is not TOML: {error}.") from error
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error


def parse(table: dict[str, Any]) -> Recipe:
    """The recipe of nested tables; ValueError for a key or a value that is none."""
    table = {
        name: dict(part) if isinstance(part, dict) else part
        for name, part in table.items()
    }
    source = fill(Source(), table.pop("source", {}), "source")
    model = table.pop("model", {})
    preset = model.pop("preset", "mini") if isinstance(model, dict) else ""
    if preset not in PRESETS:
        raise ValueError(f"model.preset must be one of {', '.join(PRESETS)}.")
    if "vocab_size" not in model:
        model = {"vocab_size": source.vocab_size} | model
    return fill(
        Recipe(
            source=source,
            model=fill(PRESETS[preset], model, "model"),
            training=fill(TrainConfig(600), table.pop("training", {}), "training"),
        ),
        table,
        "",
    )


Filled = TypeVar("Filled")


def fill(default: Filled, table: Any, where: str) -> Filled:
    """A copy of a dataclass with the values of a table, whose types are checked."""
    if not isinstance(table, dict):
        raise ValueError(f"{where} must be a table.")
    kinds = get_type_hints(type(default))
    values = {}
    for name, value in table.items():
        key = f"{where}.{name}" if where else name
        if name not in kinds or dataclasses.is_dataclass(kinds[name]):
            raise ValueError(f"{key} is not known: one of {', '.join(kinds)} is.")
        values[name] = converted(value, kinds[name], key)
    return dataclasses.replace(default, **values)


def converted(value: Any, kind: Any, key: str) -> Any:
    """A value of TOML as a field's type asks for it: ``false`` is none."""
    kinds = get_args(kind) if NoneType in get_args(kind) else (kind,)
    if value is False and NoneType in kinds:
        return None
    if torch.dtype in kinds and value in PRECISIONS:
        return PRECISIONS[value]
    if type(value) is list and any(get_origin(k) is tuple for k in kinds):
        return tuple(value)
    if type(value) is int and float in kinds:
        return float(value)
    if type(value) in kinds:
        return value
    raise ValueError(f"{key} can't be {value!r}.")


def described(recipe: Recipe) -> dict[str, Any]:
    """Every setting by its name, as JSON has it: to be kept, and compared later."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(part) for name, part in value.items()}
        if isinstance(value, tuple):
            return list(value)
        return str(value) if isinstance(value, torch.dtype) else value

    return plain(dataclasses.asdict(recipe))
