"""The fast path computes what the readable one does."""

from dataclasses import replace

import pytest
import torch

import insidegpt
from insidegpt.fast.torch_engine import TorchEngine
from insidegpt.infer.generate import generate, generate_batch, pad_left, prefill
from insidegpt.model.config import PRESETS
from insidegpt.model.gpt import GPT


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = GPT(PRESETS["tiny-llama"]).eval().double()
    for p in model.parameters():
        p.data = 0.3 * torch.randn_like(p)
    return model.requires_grad_(False)


@pytest.fixture(scope="module")
def engine(model):
    return TorchEngine(model, dtype=torch.float64)


IDS = torch.tensor([[5, 17, 3, 8, 2, 9, 9, 4]])


def logits(any_model, ids, **settings):
    return any_model.logits(any_model.hidden(ids, **settings))


def test_dense_in_float64_it_equals_the_gpt(model, engine):
    """To 1e-5: both end in logits of float32 there."""
    assert (logits(engine, IDS).double() - model(IDS)).abs().max() <= 1e-5
    hidden = engine.hidden(IDS) - model.hidden(IDS)
    assert hidden.abs().max() <= 1e-10


def test_cached_step_by_step_it_equals_the_gpt(model, engine):
    cache = engine.new_cache(batch=1, max_tokens=8)
    for t in range(8):
        step = engine.hidden(IDS[:, t : t + 1], cache=cache)
        assert (step[:, 0] - model.hidden(IDS)[:, t]).abs().max() <= 1e-10


def test_padded_batches_and_chunks_equal_the_gpt(model, engine):
    prompts = [[5, 17, 3], [8], [1, 2, 3, 4, 5, 6, 7]]
    ids, valid = pad_left(prompts)
    both = engine.hidden(ids, valid=valid) - model.hidden(ids, valid=valid)
    assert both[valid].abs().max() <= 1e-10
    assert generate_batch(engine, prompts, max_new_tokens=12) == generate_batch(
        model, prompts, max_new_tokens=12
    )
    cache = engine.new_cache(batch=1, max_tokens=8)
    last = prefill(engine, IDS, cache, chunk_tokens=3)
    assert (last - logits(model, IDS)[:, -1]).abs().max() <= 1e-5


def test_a_step_of_several_texts_gives_each_what_it_would_get_alone(smollm2):
    """To the bit, packed and in bfloat16: a server's answers rest on it."""
    engine = TorchEngine(smollm2, bits=4)
    prompts = [[504, 2120, 1834, 314], [9906], list(range(100, 140))]

    def prefilled(prompt):
        cache = engine.new_cache(batch=1, max_tokens=len(prompt) + 3)
        prefill(engine, torch.tensor([prompt]), cache)
        return cache

    alone = []
    for prompt in prompts:
        cache, ids = prefilled(prompt), torch.tensor([[7]])
        alone.append([logits(engine, ids, cache=cache)[:, 0] for _ in range(3)])
    caches = [prefilled(prompt) for prompt in prompts]
    for n in range(3):
        together = engine.step(torch.tensor([7, 7, 7]), caches)
        assert torch.equal(together, torch.cat([rows[n] for rows in alone]))


FAMILIES = {
    "qwen2": {"bias": "qkv"},
    "qwen3": {"qk_norm": True, "head_width": 6},
    "smollm3": {"unrotated_layers": (1,)},
    "llama 3.1": {"rope_factors": (1.0, 8.0), "tied": False},
}


@pytest.mark.parametrize("family", FAMILIES)
def test_relatives_of_llama_equal_the_gpt(family):
    model = GPT(replace(PRESETS["tiny-llama"], **FAMILIES[family])).double()
    for p in model.requires_grad_(False).parameters():
        p.data = 0.3 * torch.randn_like(p)
    engine = TorchEngine(model, dtype=torch.float64)
    assert (engine.hidden(IDS) - model.hidden(IDS)).abs().max() <= 1e-10
    caches = [engine.new_cache(batch=1, max_tokens=8) for _ in range(2)]
    for t in range(3):
        step = engine.step(IDS[0, t].expand(2), caches)
        assert (step.double() - model(IDS)[:, t]).abs().max() <= 1e-5


def test_smollm2_in_float32_writes_the_same_ids(smollm2, tokenizer):
    engine = TorchEngine(smollm2, dtype=torch.float32)
    for prompt in ("The weather today is", "今天天气", "def add(a, b):"):
        ids = tokenizer.encode(prompt)
        settings = {"max_new_tokens": 40, "temperature": 0}
        assert list(generate(engine, ids, **settings)) == list(
            generate(smollm2, ids, **settings)
        )


@pytest.mark.parametrize(("bits", "nats"), [(None, 0.004), (8, 0.02), (4, 0.01)])
def test_packed_smollm2_expects_nearly_the_same(smollm2, tokenizer, bits, nats):
    """Kullback-Leibler divergence of the next token, averaged over a text."""
    from insidegpt.text.corpus import WEATHER_REPORT

    ids = torch.tensor([tokenizer.encode(WEATHER_REPORT)])
    right = smollm2(ids)[0].log_softmax(-1)
    packed = logits(TorchEngine(smollm2, bits=bits), ids)[0].log_softmax(-1)
    divergence = (right.exp() * (right - packed)).sum(-1).mean()
    assert 0 <= divergence <= nats


def test_packed_smollm2_still_knows_the_capital_of_france(smollm2, tokenizer):
    from insidegpt.infer.chat import answer

    question = [{"role": "user", "content": "What is the capital of France?"}]
    for bits in (8, 4):
        engine = TorchEngine(smollm2, bits=bits)
        assert "Paris" in "".join(answer(engine, tokenizer, question))


def test_bytes_read_for_a_token(smollm2):
    """Dense: 134,479,872 weights, norms aside, of 2 bytes. Packed: 106,168,320 in the
    blocks, half a byte each and two bfloat16 for 32; 28,311,552 and 49,152 scales."""
    assert TorchEngine(smollm2).weight_bytes == 2 * 134_479_872
    packed = 106_168_320 // 2 + 106_168_320 // 32 * 4 + 28_311_552 + 2 * 49_152
    assert TorchEngine(smollm2, bits=4).weight_bytes == packed


def test_the_engine_checks_ids_like_the_gpt(engine):
    with pytest.raises(ValueError, match="prompt is empty"):
        insidegpt.generate(engine, [], max_new_tokens=1)


@pytest.mark.parametrize(
    ("preset", "settings", "sentence"),
    [
        ("tiny-gpt2", {}, "runs models of the Llama family"),
        ("tiny-llama", {"bits": 5}, "bits must be 8 or 4"),
        ("tiny-llama", {"bits": 8, "dtype": torch.float32}, "need bfloat16"),
    ],
)
def test_what_it_cannot_run_is_refused(preset, settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        TorchEngine(GPT(PRESETS[preset]), **settings)
