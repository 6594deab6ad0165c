"""Shares, worth and distance of a policy, against answers counted one by one."""

import copy

import pytest
import torch

from insidegpt.align.rollout import roll_out
from insidegpt.measure.replies import grade
from insidegpt.measure.standing import MAX_NEW_TOKENS, assess, fraction
from insidegpt.model.checkpoint import load_model
from insidegpt.text.chat import encode_chat
from insidegpt.text.vocab import load_tokenizer
from insidegpt.text.world.dialogues import write_dialogues
from insidegpt.text.world.facts import build_world
from insidegpt.text.world.preferences import Gold

PLACE = "src/insidegpt/checkpoints/mini-sft"


@pytest.fixture(scope="module")
def talks():
    world = build_world(0)
    people = world.subjects[:30] + world.strangers[:10]
    found = write_dialogues(world, people, count=40, unknown=0.4, seed=2)
    return [talk for talk in found if talk.subject]


def test_shares_and_worth_are_those_of_the_answers(talks):
    model, tokenizer = load_model(PLACE), load_tokenizer(PLACE)
    lengths = {"proxy": lambda asked, answers: [float(len(a)) for a in answers]}
    found = assess(model, model, tokenizer, talks, seed=4, **lengths)
    rollout = roll_out(
        model,
        [encode_chat(tokenizer, talk.prompt) for talk in talks],
        max_new_tokens=MAX_NEW_TOKENS,
        end=tokenizer.end_ids[-1],
        seed=4,
    )
    texts = [tokenizer.decode(answer) for answer in rollout.answers]
    pairs = list(zip(talks, texts, strict=True))
    gold = Gold()
    assert found.gold == pytest.approx(sum(gold(*p) for p in pairs) / len(pairs))
    known = [grade(*p) for p in pairs if p[0].answerable]
    assert found.right == known.count("right") / len(known) > 0
    assert found.wrong == known.count("wrong") / len(known)
    never = [grade(*p) for p in pairs if not p[0].answerable]
    assert found.admitted == never.count("unknown") / len(never) > 0
    assert found.polite == sum(t.startswith("Gladly.") for t in texts) / len(texts)
    assert found.proxy == sum(map(len, rollout.answers)) / len(texts) > 0
    assert found.tokens == pytest.approx(rollout.said.sum().item() / len(texts))
    assert abs(found.kl) < 1e-4  # its own reference


def test_another_model_is_far_from_the_reference(talks):
    model, tokenizer = load_model(PLACE, trainable=True), load_tokenizer(PLACE)
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.blocks[0].mlp.down.weight.mul_(0.5)
    assert assess(other, model, tokenizer, talks[:20]).kl > 0.05


def test_a_share_of_nothing_is_nothing():
    assert fraction([], "right") == 0 and fraction(["right", "odd"], "odd") == 0.5
