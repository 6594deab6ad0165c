"""A whole training in a directory: text, tokenizer, batches, steps, what is kept.

It can be stopped at any moment, by Ctrl-C or by the power cut, and goes on from what it
kept last to the same weights. Page: code/pretraining.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from insidegpt.files.json_file import read_json
from insidegpt.files.replace import replace_text
from insidegpt.model.checkpoint import save_checkpoint
from insidegpt.model.gpt import GPT
from insidegpt.text.batches import Batch, Batches
from insidegpt.text.interface import Tokenizer
from insidegpt.train import state
from insidegpt.train.loop import Step, Training, begin, train
from insidegpt.train.loss import next_token_loss
from insidegpt.train.material import material
from insidegpt.train.recipe import Recipe, Source, described


class Job(NamedTuple):
    """All that a training needs, and where it is kept."""

    recipe: Recipe
    directory: Path
    tokenizer: Tokenizer
    batches: Batches
    held_out: np.ndarray  # ids that are measured on
    training: Training


class Report(NamedTuple):
    """A step, and what was measured after it."""

    step: Step
    held_out: float | None  # nats a token; None where it was not measured


def prepare(recipe: Recipe, directory: Path) -> Job:
    """Read, tokenize and begin, or take up what the directory holds.

    Raises ValueError where the directory was begun with another recipe, and for texts
    that are too short.
    """
    claim(directory / "recipe.json", described(recipe))
    tokenizer, tokens, held_out = material(recipe, directory)
    shape = {"context_tokens": recipe.source.context_tokens, "rows": recipe.source.rows}
    batches = Batches(tokens, **shape, seed=recipe.seed)
    model = GPT(recipe.model, generator=torch.Generator().manual_seed(recipe.seed))
    kept = directory / "training.safetensors"
    if kept.exists():
        training = state.load(kept, model, recipe.training)
    else:
        training = begin(model, recipe.training)
    return Job(recipe, directory, tokenizer, batches, held_out, training)


def claim(path: Path, settings: dict) -> None:
    """Write the settings into a directory, or check that they are those in there."""
    if path.exists():
        begun = read_json(path)
        if begun != settings:
            raise ValueError(
                f"{path.parent} was begun with another {path.stem}: "
                f"{difference(begun, settings)}; give another directory."
            )
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_text(path, json.dumps(settings, indent=2) + "\n")


def difference(begun: dict, now: dict) -> str:
    """The first setting that differs: ``training.steps is 600 there and 300 here``."""
    for name, value in now.items():
        there = begun.get(name)
        if isinstance(value, dict) and isinstance(there, dict):
            if there != value:
                return f"{name}.{difference(there, value)}"
        elif there != value:
            return f"{name} is {there} there and {value} here"
    return "it has settings that are not known here"


def carry_out(job: Job) -> Iterator[Report]:
    """Train to the end of the recipe; every ``report_every`` steps measure and keep.

    Who stops between two steps loses none: the training is kept then, too.
    """
    recipe, model = job.recipe, job.training.model
    last, kept = job.training, job.training.done
    loop = train(
        model, job.batches, next_token_loss, recipe.training, start=job.training
    )
    try:
        for step in loop:
            last = last._replace(done=step.number + 1)
            measured = None
            if (
                last.done % recipe.report_every == 0
                or last.done == recipe.training.steps
            ):
                measured = held_out_loss(model, job.held_out, recipe.source)
                keep(job, last)
                kept = last.done
            yield Report(step, measured)
    except (GeneratorExit, FloatingPointError):  # a step was not taken, none is lost
        if last.done > kept:
            keep(job, last)
        raise


def keep(job: Job, training: Training) -> None:
    """Write what the training needs to go on, and the model for everybody else."""
    state.save(training, job.directory / "training.safetensors")
    save_checkpoint(training.model, job.tokenizer, job.directory)


@torch.inference_mode()
def held_out_loss(model: GPT, tokens: np.ndarray, source: Source) -> float:
    """Nats a token over the windows of a text that do not overlap."""
    T = min(source.context_tokens, len(tokens) - 1)
    windows = (len(tokens) - 1) // T
    rows = [tokens[n * T : n * T + T + 1].astype(np.int64) for n in range(windows)]
    table = torch.from_numpy(np.stack(rows)).to(next(model.parameters()).device)
    model.eval()
    nats = 0.0
    for part in table.split(source.rows):
        batch = Batch(part[:, :-1], part[:, 1:])
        nats += next_token_loss(model, batch).total.item()
    return nats / (windows * T)
