"""What is saved for transformers is loaded there, and gives the same numbers."""

import dataclasses

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from insidegpt.model.checkpoint import load_model
from insidegpt.model.config import GPTConfig
from insidegpt.model.export import save_llama
from insidegpt.model.gpt import GPT

CONFIG = GPTConfig(
    vocab_size=49152,
    context_tokens=64,
    n_layers=2,
    d_model=24,
    n_heads=4,
    n_kv_heads=2,
    d_ff=40,
    rope_base=5000.0,
    rms_eps=1e-5,
    mlp="swiglu",
    bias="none",
    tied=True,
)


@pytest.mark.parametrize("tied", [True, False])
def test_transformers_and_we_read_the_same_model_back(tokenizer, tmp_path, tied):
    torch.manual_seed(0)
    model = GPT(dataclasses.replace(CONFIG, tied=tied)).eval()
    save_llama(model, tokenizer, tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float64)
    ids = torch.randint(0, 49152, (2, 9))
    with torch.inference_mode():
        ours = model.double()(ids)
        assert (theirs(ids).logits - ours).abs().max() < 1e-6
        again = load_model(tmp_path, dtype=torch.float64)(ids)
    assert torch.equal(again, ours)
    text = "The weather today is 25 °C."
    assert AutoTokenizer.from_pretrained(tmp_path).encode(text) == tokenizer.encode(
        text
    )


@pytest.mark.parametrize(
    "change", [{"qk_norm": True}, {"bias": "qkv"}, {"unrotated_layers": (1,)}]
)
def test_another_kind_of_model_is_refused(tokenizer, tmp_path, change):
    model = GPT(dataclasses.replace(CONFIG, **change))
    with pytest.raises(ValueError, match="another kind"):
        save_llama(model, tokenizer, tmp_path / "new")
    assert not (tmp_path / "new").exists()
