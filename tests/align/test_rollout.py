"""Answers come with the log-probabilities that they were drawn with."""

import pytest
import torch
from small_align import END, tiny

from insidegpt.align.rollout import finite, frozen, roll_out
from insidegpt.text.batches import IGNORED

PROMPTS = [[1, 2, 3], [4], [5, 6, 7, 8, 9]]


def drawn(**settings):
    settings = {"max_new_tokens": 6, "end": END, "seed": 0} | settings
    return roll_out(tiny(), PROMPTS, **settings)


def test_targets_are_the_answers_with_their_ends_and_nothing_else():
    rollout = drawn()
    for row, (prompt, answer) in enumerate(zip(PROMPTS, rollout.answers, strict=True)):
        ended = [END] if len(answer) < 6 else []
        kept = rollout.targets[row][rollout.said[row]].tolist()
        assert kept == answer + ended
        first = len(prompt) - 1
        assert rollout.said[row].nonzero()[0].item() == first
        assert rollout.ids[row, : first + 1].tolist() == prompt


def test_log_probabilities_are_those_of_each_text_alone():
    rollout, model = drawn(), tiny()
    for row, (prompt, answer) in enumerate(zip(PROMPTS, rollout.answers, strict=True)):
        text = torch.tensor([[*prompt, *answer]])
        expected = model(text)[0].log_softmax(-1)
        for n, token in enumerate(answer):
            at = len(prompt) - 1 + n
            found = rollout.logprobs[row, at].item()
            assert found == pytest.approx(expected[at, token].item(), abs=1e-9)
    assert (rollout.logprobs[rollout.targets == IGNORED] == 0).all()


def test_a_seed_fixes_the_draw():
    assert drawn().answers == drawn().answers != drawn(seed=1).answers


def test_an_answer_that_is_cut_has_no_end():
    rollout = drawn(max_new_tokens=1)
    for answer, targets in zip(rollout.answers, rollout.targets, strict=True):
        assert (targets != IGNORED).sum() == 1
        assert len(answer) == 1 or END in targets


def test_a_reward_that_is_no_number_is_named():
    assert finite([1, 0.5]).tolist() == [1, 0.5]
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="reward of answer 1"):
            finite([0.0, bad])


def test_a_reference_must_not_be_the_model_itself():
    model = tiny()
    with pytest.raises(ValueError, match="shares weights"):
        frozen(model, model)
    assert not frozen(tiny().train(), model).training
