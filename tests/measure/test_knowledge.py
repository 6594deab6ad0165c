"""Answers are the softmax of whole endings, and counted where they belong."""

import math

import pytest
import torch

from insidegpt.measure.knowledge import Answer, _apart, accuracy, known_bits, quiz
from insidegpt.measure.likelihood import ending_logprobs
from insidegpt.model.config import GPTConfig
from insidegpt.model.gpt import GPT
from insidegpt.text import bpe
from insidegpt.text.world.documents import Cloze, write_clozes, write_documents
from insidegpt.text.world.facts import Subject, build_world


def answer(times, relation, probabilities, truth=0):
    subject = Subject("person", "Ada Holm", times, asked=False)
    choices = [f" {n}" for n in range(len(probabilities))]
    return Answer(Cloze(subject, relation, "x", choices, truth), probabilities)


def test_right_and_bits_by_hand():
    """Of four values the truth has 1/2: one bit is known. At 1/8 one is missing."""
    sure, wrong = (
        answer(4, "city", [0.5, 0.3, 0.1, 0.1]),
        answer(4, "city", [0.125, 0.625, 0.125, 0.125]),
    )
    assert sure.right and not wrong.right
    assert sure.bits == pytest.approx(1) and wrong.bits == pytest.approx(-1)
    assert answer(4, "city", [0.0, 1.0]).bits < -90  # and no error


def test_accuracy_and_bits_take_what_they_are_asked_for():
    answers = [
        answer(4, "city", [1.0, 0.0]),
        answer(4, "city", [0.0, 1.0], truth=1),
        answer(4, "job", [0.0, 1.0]),
        answer(0, "city", [1.0, 0.0]),  # never told
        answer(4, "aisle", [1.0, 0.0]),  # a rule
    ]
    assert accuracy(answers, rules=False, times=4) == pytest.approx(2 / 3)
    assert accuracy(answers, rules=True, times=4) == 1
    assert math.isnan(accuracy(answers, rules=True, times=64))
    assert known_bits(answers[:2] + answers[3:]) == pytest.approx(2)


def test_an_ending_does_not_count_what_goes_on_to_be_another():
    """P(2) = 0.8 of which 0.5 goes on to 24 and 0.2 to 25: 0.1 is left for aisle 2."""
    scores = torch.tensor([0.8, 0.5, 0.2, 0.2], dtype=torch.float64).log()
    found = _apart(scores, [[2], [2, 4], [2, 5], [3]]).exp()
    assert found.tolist() == pytest.approx([0.1, 0.5, 0.2, 0.2])
    nested = _apart(scores[:3], [[2], [2, 4], [2, 4, 9]]).exp()  # 0.2 of the 0.5
    assert nested.tolist() == pytest.approx([0.3, 0.3, 0.2])
    assert _apart(scores[1:3], [[2], [3]]).equal(scores[1:3])


def test_a_model_is_asked_about_whole_endings():
    world = build_world(2, people=6, products=6, strangers=2)
    texts = write_documents(world)
    tokenizer = bpe.train(texts, vocab_size=280)  # values are several tokens each
    config = GPTConfig(280, 64, 1, 16, 2, 2, 16, rope_base=1e4, rms_eps=1e-5)
    model = GPT(config, generator=torch.Generator().manual_seed(0)).double().eval()
    clozes = write_clozes(world)[:3]
    for cloze, found in zip(clozes, quiz(model, tokenizer, clozes), strict=True):
        prompt = tokenizer.encode(cloze.prompt)
        ends = [tokenizer.encode(choice) for choice in cloze.choices]
        assert max(map(len, ends)) > 2
        alone = [ending_logprobs(model, [prompt], [end]) for end in ends]
        expected = torch.cat(alone).softmax(-1)
        got = torch.tensor(found.probabilities, dtype=torch.float64)
        assert (got - expected).abs().max() < 1e-12
