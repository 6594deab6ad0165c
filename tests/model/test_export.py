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


@pytest.mark.parametrize(
    ("change", "family"),
    [
        ({"tied": True}, "Llama"),
        ({"tied": False}, "Llama"),
        ({"qk_norm": True}, "Qwen3"),
        ({"qk_norm": True, "head_width": 10}, "Qwen3"),
    ],
)
def test_transformers_and_we_read_the_same_model_back(
    tokenizer, tmp_path, change, family
):
    torch.manual_seed(0)
    model = GPT(dataclasses.replace(CONFIG, **change)).eval()
    for name, p in model.named_parameters():
        if name.endswith("norm.weight"):  # of queries and keys, too: not just ones
            torch.nn.init.uniform_(p, 0.5, 2.0)
    save_llama(model, tokenizer, tmp_path)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float64)
    assert type(theirs).__name__ == f"{family}ForCausalLM"
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
    "change", [{"bias": "qkv"}, {"bias": "all"}, {"unrotated_layers": (1,)}]
)
def test_another_kind_of_model_is_refused(tokenizer, tmp_path, change):
    model = GPT(dataclasses.replace(CONFIG, **change))
    with pytest.raises(ValueError, match="another kind"):
        save_llama(model, tokenizer, tmp_path / "new")
    assert not (tmp_path / "new").exists()
