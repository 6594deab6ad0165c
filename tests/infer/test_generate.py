"""Generation: the same ids as transformers, cached or not, alone or in a batch."""

import copy

import pytest
import torch

import insidegpt
from insidegpt.infer.generate import (
    generate,
    generate_batch,
    pad_left,
    prefill,
)
from insidegpt.infer.sampling import Sampling, probabilities, sample
from insidegpt.model.config import PRESETS
from insidegpt.model.gpt import GPT

PROMPTS = (
    "The weather today is",
    "Once upon a time",
    "The capital of France is",
    "Water boils at",
    "import numpy as np\n",
    "def add(a, b):",
    "Dear Sir or Madam,",
    "To be, or not to be",
    "The three primary colours are",
    "今天天气",
    "Photosynthesis is the process",
    "1, 2, 3, 4,",
    "My favourite 🍕 is",
    "In 1969",
    "She opened the door and",
    "A list of fruits:\n-",
    "The mitochondria",
    "HTTP status 404 means",
    "Roses are red",
    "x = [",
)


@pytest.fixture(scope="module", params=["tiny-gpt2", "tiny-llama"])
def model(request):
    torch.manual_seed(0)
    model = GPT(PRESETS[request.param]).eval()
    for p in model.parameters():
        p.data = 0.3 * torch.randn_like(p)
    return model


def uncached(model, ids, n):
    """Greedy decoding as simple as can be: the whole sequence again for each token."""
    ids = list(ids)
    for _ in range(n):
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    return ids[-n:]


def test_greedy_equals_the_simplest_loop(model):
    ids = [5, 17, 3]
    assert list(generate(model, ids, max_new_tokens=20, temperature=0)) == uncached(
        model, ids, 20
    )


@torch.inference_mode()
def test_greedy_smollm2_equals_transformers_on_twenty_prompts(
    smollm2, smollm2_oracle, tokenizer
):
    for prompt in PROMPTS:
        ids = tokenizer.encode(prompt)
        ours = list(generate(smollm2, ids, max_new_tokens=64, temperature=0))
        theirs = smollm2_oracle.generate(
            torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            max_new_tokens=64,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=0,
        )[0, len(ids) :].tolist()
        assert ours == theirs, prompt


@torch.inference_mode()
def test_smollm2_cached_chunked_and_padded_logits_agree(tokenizer):
    """In float64: in float32 rounding alone makes differences of 9e-5 (LOG.md)."""
    model = insidegpt.load_model(dtype=torch.float64)
    texts = [
        tokenizer.encode(text) for text in (PROMPTS[0], PROMPTS[10] * 3, PROMPTS[9])
    ]
    padded, valid = pad_left(texts)
    together = model(padded, valid=valid)
    for row, ids in enumerate(texts):
        full = model(torch.tensor([ids]))
        assert (together[row, -len(ids) :] - full[0]).abs().max() <= 1e-9
        for chunk in (1, 3, len(ids)):
            cache = model.new_cache(batch=1, max_tokens=len(ids))
            last = prefill(model, torch.tensor([ids]), cache, chunk_tokens=chunk)
            assert (last - full[:, -1]).abs().max() <= 1e-9


def test_smollm2_cached_and_batched_ids_are_those_of_the_simplest_loop(
    smollm2, tokenizer
):
    prompts = [tokenizer.encode(PROMPTS[n]) for n in (0, 9, 10)]
    simple = [uncached(smollm2, ids, 12) for ids in prompts]
    cached = [
        list(generate(smollm2, ids, max_new_tokens=12, temperature=0))
        for ids in prompts
    ]
    assert cached == simple
    assert generate_batch(smollm2, prompts, max_new_tokens=12) == simple


def test_a_batch_gives_each_prompt_what_it_gets_alone(model):
    prompts = [[5, 17, 3], [8], [1, 2, 3, 4, 5, 6, 7, 8]]
    together = generate_batch(model, prompts, max_new_tokens=15)
    alone = [
        list(generate(model, p, max_new_tokens=15, temperature=0)) for p in prompts
    ]
    assert together == alone


def test_a_batch_with_a_repetition_penalty_ignores_padding(model):
    prompts = [[5, 17, 3], [8]]
    sampling = Sampling(temperature=0.0, repetition_penalty=1.8)
    together = generate_batch(model, prompts, max_new_tokens=12, sampling=sampling)
    for prompt, row in zip(prompts, together, strict=True):
        assert row == list(
            generate(
                model, prompt, max_new_tokens=12, temperature=0, repetition_penalty=1.8
            )
        )


def test_rows_of_a_batch_stop_on_their_own(model):
    prompts = [[5, 17, 3], [8]]
    full = generate_batch(model, prompts, max_new_tokens=15)
    stop = full[0][4]
    rows = generate_batch(model, prompts, max_new_tokens=15, stop_ids=[stop])
    for row, whole in zip(rows, full, strict=True):
        assert stop not in row
        assert row == whole[: whole.index(stop) if stop in whole else None]


def test_the_same_seed_gives_the_same_tokens(model):
    def run(seed):
        return list(generate(model, [5], max_new_tokens=20, temperature=2.0, seed=seed))

    assert run(7) == run(7)
    assert run(7) != run(8)


def test_sampling_without_a_seed_leaves_other_streams_alone(model):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    list(generate(model, [5], max_new_tokens=5, seed=1))
    assert torch.equal(torch.rand(2), expected)


@torch.inference_mode()
def test_tokens_are_drawn_from_the_models_probabilities(model):
    """Step by step with the same random numbers; that draws follow the probabilities
    they are given is tested with ``sample``."""
    settings = Sampling(temperature=1.4, top_k=30, top_p=0.9, seed=11)
    generator, ids, drawn = settings.generator(), [5, 9], []
    for _ in range(12):
        p = probabilities(model(torch.tensor([ids]))[:, -1], settings)
        drawn.append(int(sample(p, generator)))
        ids.append(drawn[-1])
    asked = {"temperature": 1.4, "top_k": 30, "top_p": 0.9, "seed": 11}
    assert list(generate(model, [5, 9], max_new_tokens=12, **asked)) == drawn


def test_ids_are_made_where_the_model_is(model):
    """Seen from a model that says it is elsewhere: all that it is given is there."""

    class Elsewhere:
        config, device = model.config, torch.device("meta")
        check, new_cache = staticmethod(lambda ids, past=0: None), model.new_cache
        max_rows, logits, step = model.max_rows, model.logits, model.step

        def hidden(self, ids, *, cache=None, valid=None):
            found.append((ids.device.type, valid is None or valid.device.type))
            raise InterruptedError

    found = []
    for run in (
        lambda: next(generate(Elsewhere(), [5], max_new_tokens=1)),
        lambda: generate_batch(Elsewhere(), [[5], [6, 7]], max_new_tokens=1),
    ):
        with pytest.raises(InterruptedError):
            run()
    assert found == [("meta", True), ("meta", "meta")]


def test_scores_that_are_no_numbers_are_one_sentence(model):
    broken = copy.deepcopy(model)
    broken.norm.weight.data[3] = torch.nan
    for settings in ({"temperature": 0}, {"temperature": 1.0}, {"top_k": 5}):
        with pytest.raises(ValueError, match="scores are not all numbers"):
            next(generate(broken, [5], max_new_tokens=1, **settings))


def test_stop_ids_end_and_are_not_given(model):
    whole = list(generate(model, [5], max_new_tokens=10, temperature=0))
    stop = whole[-1]
    first = whole.index(stop)
    short = generate(model, [5], max_new_tokens=10, temperature=0, stop_ids=[stop])
    assert list(short) == whole[:first]


def test_generation_is_lazy(model):
    stream = generate(model, [5], max_new_tokens=31, temperature=0)
    calls = []
    handle = model.blocks[0].register_forward_pre_hook(lambda *_: calls.append(1))
    next(stream)
    next(stream)
    handle.remove()
    assert len(calls) == 2


def test_the_caller_keeps_its_gradients(model):
    for _ in generate(model, [5], max_new_tokens=3):
        assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


@pytest.mark.parametrize(
    ("ids", "n", "sentence"),
    [
        ([], 5, "prompt is empty"),
        ([1] * 30, 5, "30 tokens and 5 new ones are wanted"),
        ([1] * 40, 5, "40 tokens and the model's context"),
        ([1], 0, "max_new_tokens must be at least 1"),
        ([99], 5, "does the tokenizer belong"),
    ],
)
def test_bad_requests_are_refused_before_the_first_token(model, ids, n, sentence):
    with pytest.raises(ValueError, match=sentence):
        generate(model, ids, max_new_tokens=n)


def test_an_empty_prompt_in_a_batch_is_refused(model):
    for prompts in ([], [[1], []]):
        with pytest.raises(ValueError, match="prompt is empty"):
            generate_batch(model, prompts, max_new_tokens=2)


def test_settings_are_checked_at_once(model):
    with pytest.raises(ValueError, match="top_p"):
        generate(model, [1], max_new_tokens=2, top_p=3.0)
    with pytest.raises(ValueError, match="seed must fit into 64 bits"):
        generate(model, [1], max_new_tokens=2, seed=2**64)
    with pytest.raises(ValueError, match="repetition_penalty"):
        generate(model, [1], max_new_tokens=2, repetition_penalty=0.0)
