"""The whole model: parity with transformers, causality, the cache, padding."""

import dataclasses

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from insidegpt.model.cache import KVCache
from insidegpt.model.config import PRESETS
from insidegpt.model.formats import from_gpt2, from_llama
from insidegpt.model.gpt import GPT
from insidegpt.model.weights import build

TEXTS = (
    "The weather today is",
    "Once upon a time there was a small model that",
    "The capital of France is Paris, and the capital of Japan is",
    "Attention is all you need",
    "In 1969, 3 astronauts flew 384,400 km.",
    "Q: What is 17 + 25?\nA:",
    "今天天气",
    "人工智能正在改变世界,因为",
    "深度学习是机器学习的一个分支。",
    "def fibonacci(n):\n    if n < 2:\n        return n\n",
    "for (int i = 0; i < n; ++i) { sum += a[i]; }",
    "SELECT name FROM users WHERE age > 30;",
    "import torch\nfrom torch import nn\n",
    "<html><body><p>Hello</p></body></html>",
    "🎉🎉 Happy birthday! 🎂",
    "👩‍🔬 and 👨‍🚀 walked into a bar 🍺",
    "naïve café, Zürich, Ελλάδα, Москва",
    "   leading spaces,\t\ttabs\n\n\nand newlines",
    "a",
    "the the the the the the the the",
)


def random_pair(family, *, seed=0, **changes):
    """A random small transformers model in float64, and ours with its weights."""
    torch.manual_seed(seed)
    if family == "llama":
        sizes = dict(vocab_size=96, hidden_size=24, intermediate_size=40)
        sizes |= dict(num_hidden_layers=3, num_attention_heads=6)
        sizes |= dict(num_key_value_heads=2, max_position_embeddings=64) | changes
        theirs, convert = LlamaForCausalLM(LlamaConfig(**sizes)), from_llama
    else:
        sizes = dict(vocab_size=96, n_embd=24, n_layer=3, n_head=4, n_positions=64)
        theirs = GPT2LMHeadModel(GPT2Config(**sizes | changes))
        convert = from_gpt2
    theirs = theirs.double().eval()
    for p in theirs.parameters():  # also those that start as zeros and ones
        p.data += 0.1 * torch.randn_like(p)
    state = {name: p.clone() for name, p in theirs.state_dict().items()}
    config, state = convert(theirs.config.to_dict(), state)
    return theirs, build(config, state, dtype=torch.float64)


def ids_of(B, T, seed=0, V=96):
    return torch.randint(V, (B, T), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("llama", {}),
        ("llama", {"num_key_value_heads": 6, "tie_word_embeddings": True}),
        ("llama", {"num_key_value_heads": 1, "hidden_size": 48, "rms_norm_eps": 1e-4}),
        ("gpt2", {}),
        ("gpt2", {"n_inner": 50, "n_head": 2}),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_random_models_equal_transformers_to_1e_9(family, changes, seed, monkeypatch):
    """transformers rounds norms and angles to float32 in a model of any dtype.

    So that nothing hides under that rounding, its "float32" means float64 here.
    """
    monkeypatch.setattr(torch, "float32", torch.float64)
    monkeypatch.setattr(torch, "float", torch.float64)
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    theirs, ours = random_pair(family, seed=seed, **changes)
    ids = ids_of(2, 17, seed)
    with torch.inference_mode():
        difference = (ours(ids) - theirs(ids).logits).abs().max()
    assert difference <= 1e-9


def test_smollm2_equals_transformers_on_twenty_texts(
    smollm2, smollm2_oracle, tokenizer
):
    for text in TEXTS:
        ids = torch.tensor([tokenizer.encode(text)])
        with torch.inference_mode():
            ours, theirs = smollm2(ids), smollm2_oracle(ids).logits
        assert (ours - theirs).abs().max() <= 1e-3, text
        assert torch.equal(ours.argmax(-1), theirs.argmax(-1)), text


@pytest.fixture(params=["llama", "gpt2"])
def model(request):
    return random_pair(request.param)[1]


def test_later_tokens_leave_earlier_logits_bit_equal(model):
    ids = ids_of(1, 12)
    changed = ids.clone()
    changed[0, 7] = (ids[0, 7] + 1) % 96
    before, after = model(ids), model(changed)
    assert torch.equal(before[:, :7], after[:, :7])
    assert not torch.equal(before[:, 7], after[:, 7])


@pytest.mark.parametrize("chunks", [[12], [1] * 12, [5, 7], [4, 1, 6, 1], [11, 1]])
def test_cached_in_any_chunks_equals_the_full_forward(model, chunks):
    ids = ids_of(2, 12)
    cache = KVCache(model.config, batch=2, max_tokens=12, dtype=torch.float64)
    parts = [model(part, cache=cache) for part in ids.split(chunks, dim=1)]
    assert (torch.cat(parts, 1) - model(ids)).abs().max() <= 1e-10


def test_padding_on_the_left_changes_nothing(model):
    ids = ids_of(1, 9)
    padded = torch.cat((torch.full((1, 4), 5), ids), 1)
    valid = torch.tensor([[False] * 4 + [True] * 9])
    logits = model(padded, valid=valid)
    assert (logits[:, 4:] - model(ids)).abs().max() <= 1e-10
    assert logits.isfinite().all()


def test_padded_and_cached_equals_the_full_forward(model):
    ids = ids_of(1, 9)
    padded = torch.cat((torch.full((1, 4), 5), ids), 1)
    valid = torch.tensor([[False] * 4 + [True] * 9])
    cache = KVCache(model.config, batch=1, max_tokens=13, dtype=torch.float64)
    model(padded[:, :6], cache=cache, valid=valid[:, :6])
    last = model(padded[:, 6:], cache=cache, valid=valid)
    assert (last - model(ids)[:, 2:]).abs().max() <= 1e-10


def test_order_matters(model):
    ids = ids_of(1, 8)
    swapped = ids[:, [1, 0, *range(2, 8)]]
    assert (model(ids)[:, -1] - model(swapped)[:, -1]).abs().max() > 1e-6


def test_evaluation_is_deterministic(model):
    ids = ids_of(1, 8)
    assert torch.equal(model(ids), model(ids))


def test_a_bare_gpt2_without_biases_and_ties_runs():
    config = dataclasses.replace(PRESETS["tiny-gpt2"], bias=False, tied=False)
    model = GPT(config)
    assert model(ids_of(1, 4)).shape == (1, 4, 96)
    assert not any("bias" in name for name, _ in model.named_parameters())


@pytest.mark.parametrize(
    ("ids", "sentence"),
    [
        (torch.zeros(1, 0, dtype=torch.long), "prompt is empty"),
        (torch.zeros(1, 65, dtype=torch.long), "65 tokens and the model's context"),
        (torch.tensor([[3, 96]]), "does the tokenizer belong"),
        (torch.tensor([[-1, 3]]), "does the tokenizer belong"),
    ],
)
def test_bad_ids_are_one_sentence(model, ids, sentence):
    with pytest.raises(ValueError, match=sentence):
        model(ids)
