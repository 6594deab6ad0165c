"""From a base model to an assistant: what each stage learns from, and how fast.

The loops are elsewhere; here are the settings that the book's own assistant was made
with, so that pages, the program and the experiments share them. They were chosen on the
validation part of world 0. Page: code/your-own-chatgpt.
"""

from collections.abc import Sequence
from typing import NamedTuple

from insidegpt.align.ppo import Grade, PPOConfig
from insidegpt.align.reward import Comparisons, Pair, RewardModel, encode_pair, rate
from insidegpt.align.sft import Example, Examples, Replayed, encode_examples
from insidegpt.text.batches import Batches, tokenize
from insidegpt.text.chat import encode_chat
from insidegpt.text.interface import Tokenizer
from insidegpt.text.world.dialogues import Talk, write_dialogues
from insidegpt.text.world.documents import write_documents
from insidegpt.text.world.facts import Subject, World, build_world, split_subjects
from insidegpt.text.world.preferences import (
    Annotator,
    Choice,
    Gold,
    write_choices,
)
from insidegpt.train.loop import TrainConfig
from insidegpt.train.material import END, halves
from insidegpt.train.recipe import Source

TAUGHT = (0, 16, 64, 256)  # TIMES of whom one learns to answer: known, or not at all
ROWS, REPLAYED_ROWS = 32, 16  # conversations, and rows of documents, in a batch
TAUGHT_UNKNOWN = 0.4  # share of SFT's questions that nobody can answer
MANNERS = (5, 3, 2)  # weights of short answers, of sentences and of polite ones
UNKNOWN_SHARE = 0.3  # the same of the questions of later stages
SFT = TrainConfig(400, lr=3e-3, matrix_lr=2e-3, warmup=10, decay=1.0)
REWARD = TrainConfig(200, lr=3e-3, matrix_lr=2e-3, warmup=10, decay=1.0)
RL = TrainConfig(100, lr=2e-3, matrix_lr=3e-3, warmup=5, decay=1.0)
DPO = TrainConfig(100, lr=1e-3, matrix_lr=1e-3, warmup=5, decay=1.0)
PPO = PPOConfig(answers=128, max_new_tokens=24, epochs=1, beta=0.05)
ANNOTATORS = {
    "careful": Annotator(),
    "hasty": Annotator(noise=0.2),
    "polite": Annotator(politeness=1.5),
    "wordy": Annotator(length=0.4),
}


class Town(NamedTuple):
    """A world, who is learned from, and who is kept for later."""

    world: World
    learn: list[Subject]
    valid: list[Subject]  # to choose settings with
    test: list[Subject]  # to be read once
    seed: int


def build_town(seed: int = 0, people: int = 240) -> Town:
    """World and parts of a seed; strangers are in all parts."""
    world = build_world(seed, people=people)
    return Town(world, *split_subjects(world.subjects + world.strangers, seed), seed)


def lessons(
    town: Town, tokenizer: Tokenizer, steps: int = SFT.steps, rows: int = ROWS
) -> Replayed:
    """SFT: conversations about those who are known well, or not at all, and half as
    many rows of pretraining's documents again.
    """
    taught = [subject for subject in town.learn if subject.times in TAUGHT]
    settings = {"unknown": TAUGHT_UNKNOWN, "manners": MANNERS}
    settings["count"] = steps * rows
    talks = write_dialogues(town.world, taught, **settings, seed=town.seed)
    texts = [talk.messages for talk in talks]
    examples = encode_examples(tokenizer, texts, context_tokens=256)
    return Replayed(
        Examples(examples, rows=rows, seed=town.seed),
        replay(town, tokenizer, REPLAYED_ROWS * rows // ROWS),
    )


def replay(town: Town, tokenizer: Tokenizer, rows: int = REPLAYED_ROWS) -> Batches:
    """Documents about the world as rows of a batch."""
    every = write_documents(town.world, town.seed)
    texts, _ = halves(every, Source().held_out, town.seed)
    tokens = tokenize(tokenizer, texts, end=tokenizer.special[END])
    return Batches(tokens, context_tokens=64, rows=rows, seed=town.seed + 5)


def questions(
    town: Town, subjects: Sequence[Subject], *, count: int, seed: int = 0
) -> list[Talk]:
    """Questions about facts, some in a second turn, some with an order of manner."""
    settings = {"unknown": UNKNOWN_SHARE, "manners": MANNERS, "seed": seed}
    talks = write_dialogues(town.world, subjects, count=count, **settings)
    return [talk for talk in talks if talk.subject]


def comparisons(
    choices: Sequence[Choice], tokenizer: Tokenizer, *, rows: int = 32, seed: int = 0
) -> Comparisons:
    """Reward model: what annotators chose and rejected."""
    return Comparisons(encode_choices(choices, tokenizer), rows=rows, seed=seed)


def encode_choices(choices: Sequence[Choice], tokenizer: Tokenizer) -> list[Pair]:
    """Each choice as two texts."""
    return [
        encode_pair(tokenizer, choice.talk.prompt, choice.chosen, choice.rejected)
        for choice in choices
    ]


def choices_of(
    town: Town, annotator: Annotator, *, count: int = 9000, seed: int = 0
) -> list[Choice]:
    """What an annotator says of answers to questions to learn from.

    As many as REWARD reads, each once.
    """
    asked = questions(town, town.learn, count=count, seed=1000 + seed)
    return write_choices(asked, annotator, seed=seed)


def by_gold(talks: Sequence[Talk], tokenizer: Tokenizer, gold: Gold) -> Grade:
    """Answers graded by the truth, for a loop that knows questions by number."""

    def grade(asked: Sequence[int], answers: list[list[int]]) -> list[float]:
        said = map(tokenizer.decode, answers)
        return [gold(talks[n], text) for n, text in zip(asked, said, strict=True)]

    return grade


def by_model(talks: Sequence[Talk], tokenizer: Tokenizer, judge: RewardModel) -> Grade:
    """Answers graded by a reward model."""
    prompts = [encode_chat(tokenizer, talk.prompt) for talk in talks]
    end = tokenizer.end_ids[-1]

    def grade(asked: Sequence[int], answers: list[list[int]]) -> list[float]:
        pairs = zip(asked, answers, strict=True)
        texts = []
        for n, answer in pairs:
            learn = [False] * len(prompts[n]) + [True] * (len(answer) + 1)
            texts.append(Example([*prompts[n], *answer, end], learn))
        return rate(judge, texts)

    return grade
