"""Verdicts from both orders, by hand and on judges whose bias is known."""

import re

import pytest
import torch

from insidegpt.measure import judge as room
from insidegpt.measure.judge import Pair, Verdict, judge
from insidegpt.model.config import GPTConfig
from insidegpt.model.gpt import GPT
from insidegpt.text.chat import encode_chat

PAIRS = [Pair("Q?", "good", "bad"), Pair("R?", "poor", "fine")]


def test_a_verdict_by_hand():
    """2 for A while the first is A, and 0.5 for A while it is B: it follows A."""
    biased, firm = Verdict(2.0, -0.5), Verdict(2.0, 0.5)
    assert biased.follows_place and biased.mean == 0.75
    assert not firm.follows_place and firm.mean == 1.25


@pytest.fixture
def judge_with(monkeypatch, tokenizer):
    """What a judge says whose odds for the letter A are given for each prompt."""
    config = GPTConfig(64, 16, 1, 16, 2, 2, 16, rope_base=1e4, rms_eps=1e-5)
    model = GPT(config, generator=torch.Generator().manual_seed(0))

    def make(odds_of_a):
        def read(model, prompts, endings, **_):
            a, odds = tokenizer.encode("A"), []
            for prompt, ending in zip(prompts, endings, strict=True):
                odds.append(odds_of_a(tokenizer.decode(prompt)) * (ending == a))
            return torch.tensor(odds)

        monkeypatch.setattr(room, "ending_logprobs", read)
        return judge(model, tokenizer, PAIRS)

    return make


def test_a_judge_of_places_is_found_out(judge_with):
    found = judge_with(lambda text: 1.5)
    assert [v.as_a for v in found] == [1.5, 1.5]
    assert all(v.follows_place for v in found)
    assert [v.mean for v in found] == [0, 0]


def test_a_judge_of_answers_says_the_same_in_both_orders(judge_with):
    found = judge_with(lambda text: 3.0 if re.search("A: (good|poor)", text) else -3.0)
    assert [tuple(v) for v in found] == [(3.0, 3.0), (3.0, 3.0)]


def test_both_letters_are_scored_after_the_chat_of_each_order(smollm2, tokenizer):
    (found,) = judge(smollm2, tokenizer, PAIRS[:1])
    odds = []
    for a, b in (("good", "bad"), ("bad", "good")):
        text = room.PROMPT.format(question="Q?", a=a, b=b)
        ids = encode_chat(tokenizer, [{"role": "user", "content": text}])
        logits = smollm2(torch.tensor([ids]))[0, -1].log_softmax(-1)
        of_a, of_b = (logits[tokenizer.encode(x)[0]].item() for x in "AB")
        odds.append(of_a - of_b)
    assert found.as_a == pytest.approx(odds[0], abs=1e-3)
    assert found.as_b == pytest.approx(-odds[1], abs=1e-3)


def test_no_pairs_are_refused(smollm2, tokenizer):
    with pytest.raises(ValueError, match="no pair"):
        judge(smollm2, tokenizer, [])
