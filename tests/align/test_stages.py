"""Each stage learns from whom it should, and from nobody that later parts ask about."""

import pytest
import torch
from torch import nn

from insidegpt.align import stages
from insidegpt.align.reward import RewardModel, rate
from insidegpt.model.checkpoint import load_model
from insidegpt.text.batches import IGNORED
from insidegpt.text.vocab import load_tokenizer
from insidegpt.text.world.preferences import Annotator, Gold


@pytest.fixture(scope="module")
def town():
    return stages.build_town(0)


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer("src/insidegpt/checkpoints/mini")


def test_the_parts_share_nobody(town):
    names = [s.name for part in (town.learn, town.valid, town.test) for s in part]
    everyone = town.world.subjects + town.world.strangers
    assert len(names) == len(set(names)) == len(everyone)


def test_lessons_are_conversations_about_the_first_part_and_documents(town, tokenizer):
    batch = stages.lessons(town, tokenizer)[3]
    rows = [tokenizer.decode(row.tolist()) for row in batch.ids]
    talks, texts = rows[: stages.ROWS], rows[stages.ROWS :]
    assert len(texts) == stages.REPLAYED_ROWS
    assert all("<|im_start|>assistant" in talk for talk in talks)
    assert not any("<|im_start|>" in text for text in texts)
    later = [s.name for part in (town.valid, town.test) for s in part]
    assert not any(name in talk for talk in talks for name in later)
    assert any(name in text for text in texts for name in later)
    share = (batch.targets != IGNORED).float().mean(1)
    assert (share[: stages.ROWS] < 0.6).all() and (share[stages.ROWS :] > 0).all()


def test_choices_are_about_the_first_part_and_a_seed_fixes_them(town):
    choices = stages.choices_of(town, Annotator(), count=200)
    learn = {s.name for s in town.learn}
    assert choices and all(c.talk.subject.name in learn for c in choices)
    assert choices == stages.choices_of(town, Annotator(), count=200)
    assert choices != stages.choices_of(town, Annotator(), count=200, seed=1)


def test_gold_grades_by_number(town, tokenizer):
    talks = stages.questions(town, town.valid, count=20)
    grade = stages.by_gold(talks, tokenizer, Gold())
    right = [tokenizer.encode(talk.answer) for talk in talks]
    best = [1.0 if talk.answerable else 0.5 for talk in talks]
    assert grade(range(len(talks)), right) == best
    assert grade([3, 3], [right[3], tokenizer.encode("So.")]) == [best[3], -1.5]


def test_a_model_grades_the_prompt_with_its_answer(town, tokenizer):
    judge = RewardModel(load_model("src/insidegpt/checkpoints/mini", trainable=True))
    nn.init.normal_(judge.score, generator=torch.Generator().manual_seed(0))
    choices = stages.choices_of(town, Annotator(), count=30)[:8]
    pairs = stages.encode_choices(choices, tokenizer)
    talks = [choice.talk for choice in choices]
    found = stages.by_model(talks, tokenizer, judge)(
        [2, 0], [tokenizer.encode(choices[n].chosen) for n in (2, 0)]
    )
    assert found == pytest.approx(rate(judge, [pairs[2].chosen, pairs[0].chosen]))
