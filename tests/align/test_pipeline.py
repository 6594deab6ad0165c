"""From text to a chat in a directory, stopped anywhere, to the same weights."""

import dataclasses
import itertools

import pytest
import torch

from insidegpt import load_model
from insidegpt.align import pipeline
from insidegpt.align.pipeline import Plan, build
from insidegpt.align.sft import Examples, encode_examples
from insidegpt.align.stages import choices_of, questions
from insidegpt.model.config import GPTConfig
from insidegpt.train.loop import TrainConfig
from insidegpt.train.recipe import Recipe, Source

SMALL = GPTConfig(300, 512, 1, 16, 2, 2, 16, rope_base=1e4, rms_eps=1e-5, bias="none")


def few_lessons(town, tokenizer, steps, rows):
    texts = [talk.messages for talk in questions(town, town.learn, count=20)]
    return Examples(encode_examples(tokenizer, texts, context_tokens=512), rows=4)


def few_choices(town, annotator, count):
    return choices_of(town, annotator, count=20)


def few_questions(town, subjects, *, count, seed):
    return questions(town, subjects, count=20, seed=seed)


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """The same stages with a small model and few conversations."""
    text = tmp_path_factory.mktemp("text") / "text.txt"
    text.write_text("Once upon a time there was a number. " * 9 + str(list(range(900))))
    source = Source(str(text), vocab_size=300, context_tokens=16, rows=4, held_out=0.2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "lessons", few_lessons)
        patch.setattr(pipeline, "choices_of", few_choices)
        patch.setattr(pipeline, "questions", few_questions)
        base = Recipe(source, SMALL, TrainConfig(2))
        yield Plan(base, sft=3, reward=2, chat=1, answers=4)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, plan):
    out = tmp_path_factory.mktemp("whole")
    return out, list(build(out, plan))


def test_every_step_of_every_stage_is_taken_once(whole, plan):
    out, steps = whole
    wanted = [("base", 2), ("sft", 3), ("reward", 2), ("chat", 1)]
    expected = [(name, n + 1) for name, count in wanted for n in range(count)]
    assert [(step.stage, step.done) for step in steps] == expected
    assert all(step.about.startswith(("loss ", "reward ")) for step in steps)
    base, sft, chat = (load_model(out / name) for name in ("base", "sft", "chat"))
    for one, other in itertools.pairwise((base, sft, chat)):
        changed = one.embed.weight != other.embed.weight
        assert changed.any()
    assert list(build(out, plan)) == []  # nothing is left to be done


def test_stopped_in_each_stage_it_comes_to_the_same_chat(whole, plan, tmp_path):
    """After step 1 of the base, 2 of SFT, 1 of the reward model, and 1 of the last."""
    out, steps = whole
    places = iter((1, 3, 2, 1, 1))
    found = []
    for count in places:
        loop = build(tmp_path, plan)
        found += list(itertools.islice(loop, count))
        loop.close()
    assert [step[:3] for step in found] == [step[:3] for step in steps]
    assert list(build(tmp_path, plan)) == []
    one, other = load_model(out / "chat"), load_model(tmp_path / "chat")
    for p, q in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(p, q)


def test_a_power_cut_costs_the_steps_since_it_was_kept(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "EVERY", 2)
    for steps, next_one in ((3, 1), (4, 3)):  # of them two of the base
        out = tmp_path / str(steps)
        loop = build(out, plan)
        list(itertools.islice(loop, steps))  # and the loop is never closed
        assert (out / "sft" / pipeline.KEPT).exists() == (steps == 4)
        again = list(itertools.islice(build(out, plan), 1))
        assert (again[0].stage, again[0].done) == ("sft", next_one)


def test_a_fault_while_a_stage_s_model_is_written_costs_no_step(
    plan, tmp_path, monkeypatch
):
    loop = build(tmp_path, plan)
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "save_checkpoint", lambda *a: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            list(loop)
    again = list(build(tmp_path, plan))
    assert [step.stage for step in again[:1]] == ["reward"]
    left = [path.parent.name for path in tmp_path.glob("*/" + pipeline.KEPT)]
    assert left == ["base"]


def test_a_directory_that_was_begun_with_another_plan_is_refused(whole, plan):
    out, _ = whole
    other = dataclasses.replace(plan, sft=4)
    with pytest.raises(ValueError, match="another plan: sft is 3 there and 4 here"):
        list(build(out, other))


def test_a_stage_without_steps_is_refused():
    with pytest.raises(ValueError, match="Each stage needs a step"):
        Plan(sft=0)
