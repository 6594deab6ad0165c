"""Every form of a model fulfils the one interface that generation knows."""

import pytest
import torch

from insidegpt.fast.cpp_engine import CppEngine
from insidegpt.fast.torch_engine import TorchEngine
from insidegpt.model.config import PRESETS, GPTConfig
from insidegpt.model.gpt import GPT
from insidegpt.model.interface import Model, check_ids

SHAPE = {"rope_base": 1e4, "rms_eps": 1e-5, "mlp": "swiglu", "bias": "none"}
CONFIG = GPTConfig(96, 64, 1, 96, 6, 2, 160, **SHAPE)


@pytest.mark.parametrize("form", [lambda model: model, TorchEngine, CppEngine])
def test_every_form_is_a_model(form):
    model = form(GPT(CONFIG).requires_grad_(False).eval())
    assert isinstance(model, Model)
    cache = model.new_cache(batch=1, max_tokens=4)
    logits = model.step(torch.tensor([3, 5]), [cache], [2])
    assert logits.shape == (2, 96) and cache.tokens == 2


@pytest.mark.parametrize(
    ("ids", "past", "sentence"),
    [
        ([[]], 0, "prompt is empty"),
        ([[1, 2]], 31, "33 tokens and the model's context holds 32"),
        ([[96]], 0, "must lie in 0..95"),
        ([[-1]], 0, "from -1 to -1"),
    ],
)
def test_ids_that_no_model_can_read_are_one_sentence(ids, past, sentence):
    tensor = torch.tensor(ids, dtype=torch.long)
    with pytest.raises(ValueError, match=sentence):
        check_ids(PRESETS["tiny-llama"], tensor, past)
