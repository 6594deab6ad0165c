"""The fastest form that a machine and a model allow."""

import shutil
from dataclasses import replace

import pytest
import torch

from insidegpt.fast import compile
from insidegpt.fast.choose import fastest, fits, load_fastest
from insidegpt.fast.cpp_engine import CppEngine
from insidegpt.fast.torch_engine import TorchEngine
from insidegpt.infer.generate import generate
from insidegpt.model.config import PRESETS, GPTConfig
from insidegpt.model.gpt import GPT

SHAPE = {"rope_base": 1e4, "rms_eps": 1e-5, "mlp": "swiglu", "bias": "none"}
SMALL = GPTConfig(96, 64, 3, 96, 6, 2, 160, **SHAPE)


def small(**changes):
    return GPT(replace(SMALL, **changes)).requires_grad_(False).eval()


def test_the_fastest_form_is_cpp_with_the_bits_that_lose_nothing(smollm2):
    assert fits(smollm2) and not fits(small())
    chosen = fastest(smollm2)
    assert isinstance(chosen, CppEngine) and chosen.bits == 4
    assert fastest(small()).bits == 8
    assert fastest(small(), bits=4).bits == 4


def test_without_a_compiler_the_torch_engine_runs(monkeypatch, caplog):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    compile.library.cache_clear()
    assert isinstance(fastest(small()), TorchEngine)
    assert "no C++ compiler" in caplog.text
    monkeypatch.undo()
    compile.library.cache_clear()


def test_what_no_engine_runs_runs_as_it_is():
    gpt2 = GPT(PRESETS["tiny-gpt2"])
    assert fastest(gpt2) is gpt2


@pytest.mark.parametrize("d_ff", [172, 150, 33, 32, 200])
@pytest.mark.parametrize("seed", range(2))
def test_odd_shapes_get_a_form_that_computes_them_right(d_ff, seed):
    """A width of 172 once gave a wrong number, or a segmentation fault."""
    torch.manual_seed(seed)
    model = small(d_ff=d_ff, d_model=64, n_heads=8, n_kv_heads=4)
    for p in model.parameters():
        if p.ndim > 1:
            p.normal_(0, 0.1)
    ids, fast = torch.tensor([[1, 2, 3]]), fastest(model)
    right, got = model(ids)[0, -1], fast.logits(fast.hidden(ids))[0, -1]
    assert (got - right).norm() / right.norm() < 0.1


def test_a_model_is_packed_as_it_is_read(smollm2, tokenizer):
    """Never all of it unpacked; and the same ids as packed from a loaded model."""
    ids, settings = tokenizer.encode("The weather today is"), {"temperature": 0}
    fast, packed = load_fastest(), fastest(smollm2)
    assert isinstance(fast, CppEngine) and fast.bits == 4
    assert list(generate(fast, ids, max_new_tokens=20, **settings)) == list(
        generate(packed, ids, max_new_tokens=20, **settings)
    )


def test_other_bits_are_refused():
    with pytest.raises(ValueError, match="bits must be 8 or 4, not 5"):
        fastest(small(), bits=5)
