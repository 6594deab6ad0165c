"""The whole recipe in one directory: from text to a base model, and on to a chat.

Stages have directories of their own, base, sft, reward and chat; each begins with the
models of those before, and goes on where it stopped, but for the last, reinforcement
learning, which begins anew. Page: code/your-own-chatgpt.
"""

import copy
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from safetensors.torch import load_model as fill
from safetensors.torch import save_model
from torch import nn

from insidegpt.align.ppo import ActorCritic, ppo
from insidegpt.align.reward import RewardModel, reward_loss
from insidegpt.align.stages import (
    ANNOTATORS,
    PPO,
    REWARD,
    RL,
    ROWS,
    SFT,
    Town,
    build_town,
    by_gold,
    by_model,
    choices_of,
    comparisons,
    lessons,
    questions,
)
from insidegpt.files.replace import replace
from insidegpt.model.checkpoint import load_model, save_checkpoint
from insidegpt.text.chat import encode_chat
from insidegpt.text.vocab import load_tokenizer
from insidegpt.text.world.preferences import Gold
from insidegpt.train import state
from insidegpt.train.loop import Numbered, TrainConfig, begin, train
from insidegpt.train.loss import Loss, next_token_loss
from insidegpt.train.recipe import RECIPES, Recipe
from insidegpt.train.run import carry_out, claim, prepare

EVERY = 50  # steps; then a stage is kept
KEPT = "training.safetensors"


@dataclasses.dataclass(frozen=True)
class Plan:
    """The base's recipe, and steps of the stages after it; rates fall in as many."""

    base: Recipe = RECIPES["mini"]
    sft: int = 2 * SFT.steps  # twice what the book's own mini-sft had
    reward: int = REWARD.steps
    chat: int = RL.steps
    judge: str = "people"  # who pays in the last stage, or "truth"
    rows: int = ROWS  # conversations in a step of SFT
    answers: int = PPO.answers  # in one of the last stage

    def __post_init__(self) -> None:
        if min(self.sft, self.reward, self.chat) < 1:
            raise ValueError("Each stage needs a step at least.")
        if self.judge not in ("people", "truth"):
            raise ValueError(f'judge must be "people" or "truth", not {self.judge!r}.')


PLANS = {
    "chat": Plan(),
    "small-chat": Plan(
        RECIPES["small-world"], sft=180, reward=24, chat=8, rows=16, answers=64
    ),
}


class Progress(NamedTuple):
    """A step of a stage was taken."""

    stage: str
    done: int
    steps: int
    about: str  # its loss, or its reward
    model: nn.Module  # that learns; of the last stage, its policy


def build(directory: Path, plan: Plan = Plan()) -> Iterator[Progress]:
    """Take all steps that are still to be taken, one by one.

    Who stops between two steps loses none, and a power cut EVERY of them at most; of
    the last stage both lose all. Raises ValueError where the directory was begun with
    another plan.
    """
    claim(directory / "plan.json", dataclasses.asdict(plan) | {"base": None})
    yield from build_base(directory / "base", plan)
    town = build_town(plan.base.seed, plan.base.source.people)
    for stage in (build_sft, build_reward, build_chat):
        yield from stage(directory, plan, town)


def build_base(directory: Path, plan: Plan) -> Iterator[Progress]:
    """Pretraining."""
    job, steps = prepare(plan.base, directory), plan.base.training.steps
    for step, _ in carry_out(job):
        about, model = f"loss {step.loss:.2f}", job.training.model
        yield Progress("base", step.number + 1, steps, about, model)


def build_sft(directory: Path, plan: Plan, town: Town) -> Iterator[Progress]:
    """Conversations."""
    here = directory / "sft"
    if (here / "model.safetensors").exists():
        return
    tokenizer = load_tokenizer(directory / "base")
    model = load_model(directory / "base", trainable=True)
    config = dataclasses.replace(SFT, steps=plan.sft)
    batches = lessons(town, tokenizer, plan.sft, plan.rows)
    yield from keep_learning(here, model, batches, next_token_loss, config)
    save_checkpoint(model.eval(), tokenizer, here)
    (here / KEPT).unlink()


def build_reward(directory: Path, plan: Plan, town: Town) -> Iterator[Progress]:
    """A reward model, from what people with one error in five preferred."""
    here = directory / "reward"
    if plan.judge == "truth" or (here / "reward.safetensors").exists():
        return
    tokenizer = load_tokenizer(directory / "sft")
    model = RewardModel(load_model(directory / "sft", trainable=True))
    choices = choices_of(town, ANNOTATORS["hasty"], count=45 * plan.reward)
    pairs = comparisons(choices, tokenizer)
    config = dataclasses.replace(REWARD, steps=plan.reward)
    yield from keep_learning(here, model, pairs, reward_loss, config)
    here.mkdir(parents=True, exist_ok=True)
    replace(here / "reward.safetensors", lambda path: save_model(model, str(path)))
    (here / KEPT).unlink()


def build_chat(directory: Path, plan: Plan, town: Town) -> Iterator[Progress]:
    """PPO by the reward model, or by what is true."""
    here = directory / "chat"
    if (here / "model.safetensors").exists():
        return
    tokenizer = load_tokenizer(directory / "sft")
    policy = load_model(directory / "sft", trainable=True)
    talks = questions(town, town.learn, count=12_000, seed=3)
    talks = [talk for talk in talks if len(talk.prompt) <= 2]  # short, so a step is
    if plan.judge == "truth":
        grade = by_gold(talks, tokenizer, Gold())
    else:
        grade = by_model(talks, tokenizer, load_judge(directory))
    loop = ppo(
        ActorCritic(policy, copy.deepcopy(policy)),
        load_model(directory / "sft", trainable=True),
        [encode_chat(tokenizer, talk.prompt) for talk in talks],
        grade,
        end=tokenizer.end_ids[-1],
        config=dataclasses.replace(PPO, answers=plan.answers),
        training=dataclasses.replace(RL, steps=plan.chat),
        seed=plan.base.seed,
    )
    for step in loop:
        done, about = step.number + 1, f"reward {step.reward:.2f}, kl {step.kl:.2f}"
        if done == plan.chat:
            save_checkpoint(policy.eval(), tokenizer, here)
        yield Progress("chat", done, plan.chat, about, policy)


def load_judge(directory: Path) -> RewardModel:
    """The reward model of a directory of stages."""
    judge = RewardModel(load_model(directory / "sft", trainable=True))
    fill(judge, str(directory / "reward" / "reward.safetensors"))
    return judge.eval()


def keep_learning(
    here: Path,
    model: nn.Module,
    batches: Numbered,
    loss: Callable[[nn.Module, object], Loss],
    config: TrainConfig,
) -> Iterator[Progress]:
    """Train, from what was kept if anything was, and keep it now and then."""
    kept = here / KEPT
    start = state.load(kept, model, config) if kept.exists() else None
    start = start or begin(model, config)
    done = start.done
    try:
        for step in train(model, batches, loss, config, start=start):
            done = step.number + 1
            if done % EVERY == 0 or done == config.steps:
                state.save(start._replace(done=done), kept)
            about = f"loss {step.loss:.2f}"
            yield Progress(here.name, done, config.steps, about, model)
    except GeneratorExit:
        state.save(start._replace(done=done), kept)
        raise
