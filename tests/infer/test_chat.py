"""The assistant's next message: whole, repeatable, and of a pair that fits."""

import pytest
import torch

from insidegpt.infer.chat import answer
from insidegpt.infer.sampling import Sampling
from insidegpt.model.checkpoint import check_pair
from insidegpt.model.config import PRESETS
from insidegpt.model.gpt import GPT

FRANCE = [{"role": "user", "content": "What is the capital of France?"}]


def test_the_model_answers_and_ends_its_message(smollm2, tokenizer):
    text = "".join(answer(smollm2, tokenizer, FRANCE, max_new_tokens=40))
    assert text == "The capital of France is Paris."


def test_a_conversation_is_remembered(smollm2, tokenizer):
    turns = [
        *FRANCE,
        {"role": "assistant", "content": "The capital of France is Paris."},
        {"role": "user", "content": "And of Japan?"},
    ]
    assert "Tokyo" in "".join(answer(smollm2, tokenizer, turns, max_new_tokens=20))


def test_a_seed_makes_an_answer_repeatable(smollm2, tokenizer):
    def run(seed):
        sampling = Sampling(temperature=1.2, seed=seed)
        settings = {"max_new_tokens": 12, "sampling": sampling}
        return "".join(answer(smollm2, tokenizer, FRANCE, **settings))

    assert run(1) == run(1)


def test_a_tokenizer_of_another_model_is_refused(smollm2, tokenizers):
    with pytest.raises(ValueError, match="50257 tokens and the model 49152"):
        check_pair(smollm2, tokenizers["gpt2"])
    with torch.device("meta"):
        tiny = GPT(PRESETS["tiny-llama"])
    with pytest.raises(ValueError, match="do not belong together"):
        answer(tiny, tokenizers["smollm2"], FRANCE)


def test_too_long_a_conversation_is_refused_in_one_sentence(smollm2, tokenizer):
    long = [{"role": "user", "content": "weather " * 9000}]
    with pytest.raises(ValueError, match="context holds 8192"):
        answer(smollm2, tokenizer, long)
