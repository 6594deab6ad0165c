"""Texts that share a step get what they would get alone, and leave when done."""

import pytest
import torch

from insidegpt.fast.cpp_engine import CppEngine
from insidegpt.fast.torch_engine import TorchEngine
from insidegpt.infer import batching
from insidegpt.infer.batching import Batcher
from insidegpt.infer.generate import generate
from insidegpt.infer.sampling import Sampling
from insidegpt.model.config import PRESETS
from insidegpt.model.gpt import GPT


@pytest.fixture(scope="module")
def models():
    torch.manual_seed(0)
    model = GPT(PRESETS["tiny-llama"]).eval().double()
    for p in model.parameters():
        p.data = 0.3 * torch.randn_like(p)
    gpt = model.requires_grad_(False)
    return {"gpt": gpt, "engine": TorchEngine(gpt, dtype=torch.float64)}


def finish(batcher):
    """All steps to the end: for each job its ids and why it ended."""
    ids, reasons = {}, {}
    while batcher.busy:
        for token in batcher.step():
            ids.setdefault(token.job, []).append(token.id)
            if token.finish_reason:
                reasons[token.job] = token.finish_reason
    return ids, reasons


@pytest.mark.parametrize("kind", ["gpt", "engine"])
def test_each_text_is_what_generate_writes(models, kind):
    """Six texts of different lengths through two slots."""
    batcher = Batcher(models[kind], slots=2)
    prompts = [[1 + n] * (1 + 2 * n) for n in range(6)]
    jobs = [
        batcher.submit(prompt, max_new_tokens=4 + n, sampling=Sampling(seed=n))
        for n, prompt in enumerate(prompts)
    ]
    ids, reasons = finish(batcher)
    for n, job in enumerate(jobs):
        alone = generate(models[kind], prompts[n], max_new_tokens=4 + n, seed=n)
        assert ids[job] == list(alone)
        assert job.ids == prompts[n] + ids[job]
        assert reasons[job] == "length"


@pytest.mark.parametrize("form", [TorchEngine, CppEngine])
def test_packed_smollm2_answers_to_the_bit_as_alone(smollm2, tokenizer, form):
    """Sampled, so that a last bit of a logit would show sooner or later; one prompt is
    read in two pieces."""
    engine = form(smollm2, bits=4)
    texts = ("The weather today is", "def add(a, b):", "Once upon a time, " * 120)
    prompts = [tokenizer.encode(text) for text in texts]
    batcher = Batcher(engine)
    jobs = [
        batcher.submit(prompt, max_new_tokens=24, sampling=Sampling(seed=7))
        for prompt in prompts
    ]
    ids, _ = finish(batcher)
    for prompt, job in zip(prompts, jobs, strict=True):
        assert ids[job] == list(generate(engine, prompt, max_new_tokens=24, seed=7))


def test_a_stop_id_ends_a_text_and_is_not_part_of_it(models):
    alone = list(generate(models["gpt"], [3, 1], max_new_tokens=10, temperature=0))
    stop = alone[3]
    batcher = Batcher(models["gpt"])
    job = batcher.submit([3, 1], max_new_tokens=10, stop_ids=[stop])
    _, reasons = finish(batcher)
    assert job.ids == [3, 1, *alone[: alone.index(stop)]]
    assert reasons[job] == "stop"


def test_nobody_waits_for_the_longest(models):
    """One slot is free again as soon as the short text is done."""
    batcher = Batcher(models["engine"], slots=2)
    long, short, late = (
        batcher.submit([n], max_new_tokens=new) for n, new in ((1, 20), (2, 2), (3, 2))
    )
    for _ in range(3):
        batcher.step()
    assert batcher.running == [long, late]


def test_a_cancelled_text_frees_its_slot_and_never_runs_if_it_waited(models):
    batcher = Batcher(models["engine"], slots=1)
    first, second, third = (batcher.submit([n], max_new_tokens=20) for n in (1, 2, 3))
    batcher.step()
    first.cancelled = second.cancelled = True
    assert {token.job for token in batcher.step()} == {third}
    assert batcher.running == [third]
    assert not batcher.waiting


def test_a_long_prompt_is_read_in_pieces_while_others_write(models, monkeypatch):
    monkeypatch.setattr(batching, "CHUNK_TOKENS", 4)
    batcher = Batcher(models["engine"])
    writer = batcher.submit([5], max_new_tokens=10)
    batcher.step()
    reader = batcher.submit(list(range(1, 12)), max_new_tokens=3)
    steps = [{token.job for token in batcher.step()} for _ in range(3)]
    assert steps == [{writer}, {writer}, {writer, reader}]


def test_short_prompts_are_read_together_and_long_ones_in_turn(models, monkeypatch):
    """Eight tokens of prompts a step: 3 + 5, then 6; the one of 9 in two pieces."""
    monkeypatch.setattr(batching, "CHUNK_TOKENS", 8)
    batcher = Batcher(models["engine"])
    jobs = [batcher.submit([1] * n, max_new_tokens=5) for n in (3, 5, 6, 9)]
    steps = [{token.job for token in batcher.step()} for _ in range(4)]
    assert steps == [set(jobs[:2]), set(jobs[:3]), set(jobs[:3]), set(jobs)]


def test_bad_prompts_are_refused_at_the_door(models):
    batcher = Batcher(models["engine"])
    for ids, new, sentence in (
        ([], 3, "prompt is empty"),
        ([1], 0, "at least 1"),
        ([1] * 30, 9, "context holds"),
        ([500], 1, "Token ids must lie"),
    ):
        with pytest.raises(ValueError, match=sentence):
            batcher.submit(ids, max_new_tokens=new)
    assert not batcher.busy
    with pytest.raises(ValueError, match="slots must lie"):
        Batcher(models["engine"], slots=16)
