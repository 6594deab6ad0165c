"""The whole recipe in one directory: from text to a base model, and on to a chat.

Stages have directories of their own, base, sft and chat; each begins with the model of
the one before. All is kept every few steps and goes on where it stopped. Page:
code/your-own-chatgpt.
"""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from torch import nn

from insidegpt.align.dpo import Preferences, dpo_loss
from insidegpt.align.stages import (
    ANNOTATORS,
    BETA,
    DPO,
    ROWS,
    SFT,
    Town,
    build_town,
    choices_of,
    encode_choices,
    lessons,
)
from insidegpt.model.checkpoint import load_model, save_checkpoint
from insidegpt.model.gpt import GPT
from insidegpt.text.interface import Tokenizer
from insidegpt.text.vocab import load_tokenizer
from insidegpt.train import state
from insidegpt.train.loop import Numbered, TrainConfig, begin, train
from insidegpt.train.loss import Loss, next_token_loss
from insidegpt.train.recipe import RECIPES
from insidegpt.train.run import carry_out, prepare

EVERY = 50  # steps; then a stage is kept


@dataclasses.dataclass(frozen=True)
class Plan:
    """Steps of each stage; the rates fall in as many steps as there are."""

    base: int = RECIPES["mini"].training.steps
    sft: int = SFT.steps
    chat: int = DPO.steps
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.base, self.sft, self.chat) < 1:
            raise ValueError("Each stage needs a step at least.")


class Progress(NamedTuple):
    """A step of a stage was taken."""

    stage: str
    done: int
    steps: int
    loss: float


class Stage(NamedTuple):
    """What a model learns after it was a base model."""

    name: str
    before: str  # the stage whose model it begins with
    config: TrainConfig
    loss: Callable[[nn.Module, object], Loss]
    batches: Callable[[Town, Tokenizer, GPT], Numbered]  # the last: as it began


def build(directory: Path, plan: Plan = Plan()) -> Iterator[Progress]:
    """Take all steps that are still to be taken, one by one.

    Who stops between two steps loses none, and a power cut EVERY of them at most.
    Raises ValueError where the directory was begun with another plan for its base.
    """
    yield from build_base(directory / "base", plan)
    town = build_town(plan.seed)
    for stage in stages(plan):
        yield from build_stage(directory, stage, town)


def stages(plan: Plan) -> list[Stage]:
    """What follows on pretraining: conversations, then preferences."""
    sft = dataclasses.replace(SFT, steps=plan.sft)
    dpo = dataclasses.replace(DPO, steps=plan.chat)
    return [
        Stage(
            "sft", "base", sft, next_token_loss, lambda town, to, _: lessons(town, to)
        ),
        Stage("chat", "sft", dpo, dpo_loss(BETA), preferred),
    ]


def preferred(town: Town, tokenizer: Tokenizer, reference: GPT) -> Preferences:
    """What people with one error in five chose of two answers."""
    pairs = encode_choices(choices_of(town, ANNOTATORS["hasty"]), tokenizer)
    return Preferences(pairs, reference, rows=ROWS, seed=town.seed)


def build_base(directory: Path, plan: Plan) -> Iterator[Progress]:
    """Pretraining, as the recipe ``mini`` says."""
    recipe = RECIPES["mini"]
    training = dataclasses.replace(recipe.training, steps=plan.base)
    job = prepare(
        dataclasses.replace(recipe, training=training, seed=plan.seed), directory
    )
    for report in carry_out(job):
        step = report.step
        yield Progress("base", step.number + 1, plan.base, step.loss)


def build_stage(directory: Path, stage: Stage, town: Town) -> Iterator[Progress]:
    """A stage, unless it is finished."""
    here, before = directory / stage.name, directory / stage.before
    kept = here / "training.safetensors"
    if (here / "model.safetensors").exists():
        return
    tokenizer = load_tokenizer(before)
    model = load_model(before, trainable=True)
    batches = stage.batches(town, tokenizer, load_model(before))
    start = state.load(kept, model, stage.config) if kept.exists() else None
    start = start or begin(model, stage.config)
    done = start.done
    try:
        for step in train(model, batches, stage.loss, stage.config, start=start):
            done = step.number + 1
            if done % EVERY == 0:
                state.save(start._replace(done=done), kept)
            yield Progress(stage.name, done, stage.config.steps, step.loss)
    except GeneratorExit:
        state.save(start._replace(done=done), kept)
        raise
    save_checkpoint(model.eval(), tokenizer, here)
    kept.unlink(missing_ok=True)
