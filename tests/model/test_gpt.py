"""The whole model: parity with transformers, causality, the cache, padding."""

import dataclasses
import math

import pytest
import torch

from insidegpt.model.cache import KVCache
from insidegpt.model.config import PRESETS
from insidegpt.model.gpt import GPT

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


def random_model(family, *, seed=0):
    """A random small model in float64."""
    config, generator = PRESETS[f"tiny-{family}"], torch.Generator().manual_seed(seed)
    config = dataclasses.replace(config, context_tokens=64)
    model = GPT(config, generator=generator).double().requires_grad_(False).eval()
    for p in model.parameters():  # also those that start as zeros and ones
        p.data += 0.1 * torch.randn(p.shape, dtype=p.dtype, generator=generator)
    return model


def ids_of(B, T, seed=0, V=96):
    return torch.randint(V, (B, T), generator=torch.Generator().manual_seed(seed))


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
    return random_model(request.param)


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


@pytest.mark.parametrize("counts", [None, [1, 3, 2]])
def test_a_step_of_several_texts_equals_each_alone(model, counts):
    texts, new = [ids_of(1, T, seed=T) for T in (5, 9, 2)], counts or [1, 1, 1]
    caches = [model.new_cache(batch=1, max_tokens=20) for _ in texts]
    for text, cache in zip(texts, caches, strict=True):
        model(text, cache=cache)
    more = ids_of(1, sum(new), seed=3)[0]
    logits = model.step(more, caches, counts)
    for text, ids, rows in zip(texts, more.split(new), logits.split(new), strict=True):
        alone = model(torch.cat((text, ids[None]), 1))[0, -len(ids) :]
        assert (alone - rows).abs().max() <= 1e-10


def test_nothing_builds_a_mask_where_sdpa_has_one(model, monkeypatch):
    from insidegpt.model import gpt

    def never(queries, keys):
        raise AssertionError("a mask was built")

    wanted = model(ids_of(1, 9))
    monkeypatch.setattr(gpt, "causal_mask", never)
    assert torch.equal(model(ids_of(1, 9)), wanted)


def test_a_fresh_model_knows_nothing():
    """Loss ln V: before training every token is equally likely, whatever the width."""
    for preset in ("gpt2", "smollm2", "tiny-llama"):
        config = dataclasses.replace(PRESETS[preset], context_tokens=64)
        model = GPT(config, generator=torch.Generator().manual_seed(0))
        ids = ids_of(2, 33, V=config.vocab_size)
        with torch.inference_mode():
            logits = model(ids[:, :-1]).flatten(0, 1)
        loss = torch.nn.functional.cross_entropy(logits, ids[:, 1:].flatten())
        assert abs(loss - math.log(config.vocab_size)) < 0.1


def test_the_same_generator_gives_the_same_weights():
    config = PRESETS["tiny-llama"]
    first, again, other = (
        GPT(config, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2)
    )
    assert torch.equal(first.embed.weight, again.embed.weight)
    assert not torch.equal(first.embed.weight, other.embed.weight)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_fresh_model_learns(family):
    model = GPT(PRESETS[f"tiny-{family}"], generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    ids, losses = ids_of(4, 16), []
    for _ in range(60):
        logits = model(ids[:, :-1]).flatten(0, 1)
        loss = torch.nn.functional.cross_entropy(logits, ids[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 2


@torch.inference_mode()
def test_ids_positions_and_masks_are_made_where_the_model_is():
    """On a device that computes nothing: any tensor made elsewhere would clash."""
    with torch.device("meta"):
        model = GPT(PRESETS["tiny-llama"])
        cache = model.new_cache(batch=2, max_tokens=12)
        valid = torch.ones(2, 7, dtype=torch.bool)
    model.check = lambda ids, past=0: None  # looks at values, which meta has not
    ids = torch.zeros(2, 7, dtype=torch.long, device="meta")
    assert model(ids, cache=cache, valid=valid).device.type == "meta"
    assert model(ids[:, :3], cache=cache).device.type == "meta"
    assert cache.keys[0].device.type == "meta"


def test_a_bare_gpt2_without_biases_and_ties_runs():
    config = dataclasses.replace(PRESETS["tiny-gpt2"], bias="none", tied=False)
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
