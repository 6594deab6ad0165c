"""The C++ against the same arithmetic in PyTorch, and against itself elsewhere."""

import platform
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from insidegpt.fast import compile, cpp_engine
from insidegpt.fast.cpp_engine import CppEngine, multiply
from insidegpt.fast.tiles import pack_tiles, unpack_tiles
from insidegpt.fast.torch_engine import TorchEngine
from insidegpt.infer.generate import generate, generate_batch, pad_left, prefill
from insidegpt.model.cache import KVCache
from insidegpt.model.config import GPTConfig
from insidegpt.model.gpt import GPT
from insidegpt.text.corpus import WEATHER_REPORT

SMALL = GPTConfig(
    96, 64, 3, 96, 6, 2, 160, rope_base=1e4, rms_eps=1e-5, mlp="swiglu", bias="none"
)


IDS = torch.randint(0, 96, (1, 30), generator=torch.Generator().manual_seed(1))


def round_activations(x):
    """To 127 steps up and down in each group of 32, and 254 steps within each step."""
    groups = x.unflatten(-1, (-1, 32))
    peak = groups.abs().amax(-1, keepdim=True)
    full = torch.full_like(peak, 127)  # 127 / peak would be 127 times 1 / peak
    steps = groups * torch.where(peak > 0, full / peak, 0)
    q = steps.round()
    q = q + ((steps - q) * 254).round() / 254
    return (q * (peak / 127)).flatten(-2)


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    model = GPT(SMALL).eval()
    for p in model.parameters():
        p.data = 0.3 * torch.randn_like(p)
    return model.requires_grad_(False)


def reference(model, bits):
    """The readable model with the weights of the tiles, whose products round what goes
    into them, and whose keys and values are float16: the C++ in other words."""
    twin = GPT(model.config).eval().requires_grad_(False)
    twin.load_state_dict(model.state_dict())
    for module in twin.modules():
        if isinstance(module, torch.nn.Linear):
            tiles = pack_tiles(module.weight, bits=bits)
            module.weight = torch.nn.Parameter(unpack_tiles(tiles), False)
            module.register_forward_pre_hook(lambda _, x: (round_activations(x[0]),))
    embedding = unpack_tiles(pack_tiles(twin.embed.weight, bits=8))
    twin.embed.weight = torch.nn.Parameter(embedding, False)
    return twin


class HalfCache(KVCache):
    """A cache that rounds to float16 what it is given."""

    def append(self, layer, k, v):
        return super().append(layer, k.half().float(), v.half().float())


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("rows", [1, 2, 3, 7, 8, 9, 21])
def test_a_product_is_that_of_the_rounded_numbers(bits, rows):
    g = torch.Generator().manual_seed(rows)
    tiles = pack_tiles(torch.randn(48, 96, generator=g), bits=bits)
    x = torch.randn(rows, 96, generator=g)
    x[0, 32:64] = 0  # a group of nothing
    right = round_activations(x).double() @ unpack_tiles(tiles).double().T
    assert (multiply(x, tiles) - right).abs().max() <= 2e-5


def test_a_product_normalizes_first_if_asked():
    g = torch.Generator().manual_seed(0)
    tiles = pack_tiles(torch.randn(32, 64, generator=g), bits=8)
    x, weight = torch.randn(3, 64, generator=g), torch.rand(64, generator=g)
    normal = F.rms_norm(x, (64,), weight, 1e-5)
    right = round_activations(normal) @ unpack_tiles(tiles).T
    assert (multiply(x, tiles, weight, eps=1e-5) - right).abs().max() <= 1e-4


@pytest.mark.parametrize("bits", [4, 8])
def test_the_blocks_compute_what_the_readable_ones_do(small, bits):
    """To 3e-4 of the largest: where sums in another order round an activation the other
    way, that is how much a step within a step can make of it."""
    cache = HalfCache(SMALL, batch=1, max_tokens=30)
    right = reference(small, bits).hidden(IDS, cache=cache)
    off = (CppEngine(small, bits=bits).hidden(IDS) - right).abs()
    assert off.max() <= 3e-4 * right.abs().max()
    assert off.median() <= 5e-5 * right.abs().max()


@pytest.fixture(scope="module")
def fast(small):
    return CppEngine(small, bits=4)


def test_a_token_is_the_same_to_the_bit_in_a_prompt_after_it_and_in_chunks(fast):
    whole = fast.hidden(IDS)
    for sizes in ([1] * 30, [30], [7, 1, 13, 9], [29, 1]):
        cache = fast.new_cache(batch=1, max_tokens=30)
        pieces = [fast.hidden(ids, cache=cache) for ids in IDS.split(sizes, 1)]
        assert torch.equal(torch.cat(pieces, 1), whole)


def test_what_the_cache_held_before_does_not_matter(fast):
    """Sixteen keys are read at a time, whether or not they are there yet."""
    cache = fast.new_cache(batch=1, max_tokens=30)
    for tensor in (cache.keys, cache.values):
        tensor.fill_(torch.nan)
    pieces = [fast.hidden(ids, cache=cache) for ids in IDS.split([5, 1, 24], 1)]
    assert torch.equal(torch.cat(pieces, 1), fast.hidden(IDS))


def test_a_step_gives_each_text_what_it_would_get_alone(fast):
    prompts, new = [[5, 17, 3], [8], list(range(20))], torch.tensor([7, 9, 11])

    def prefilled(prompt):
        cache = fast.new_cache(batch=1, max_tokens=len(prompt) + 3)
        prefill(fast, torch.tensor([prompt]), cache)
        return cache

    together = fast.step(new, [prefilled(p) for p in prompts])
    for n, prompt in enumerate(prompts):
        alone = prefill(fast, new[None, n : n + 1], prefilled(prompt))
        assert torch.equal(together[n : n + 1], alone)
    caches = [prefilled(p) for p in prompts[:2]]
    guesses = fast.step(torch.tensor([7, 1, 2, 9]), caches, [3, 1])
    assert torch.equal(guesses[[0, 3]], together[:2])


def test_padding_on_the_left_changes_nothing(fast):
    """The texts begin in the first, second and third block of 16 keys, and end in
    the fourth."""
    prompts = [IDS[0, :n].tolist() for n in (3, 20)] + [(2 * IDS[0].tolist())[:40]]
    ids, valid = pad_left(prompts)
    both = fast.hidden(ids, valid=valid)
    for n, prompt in enumerate(prompts):
        alone = fast.hidden(torch.tensor([prompt]))[0]
        assert torch.equal(both[n, -len(prompt) :], alone)
    alone = [list(generate(fast, p, max_new_tokens=20, temperature=0)) for p in prompts]
    assert generate_batch(fast, prompts, max_new_tokens=20) == alone


def test_changing_a_token_leaves_all_before_it_bit_equal(fast):
    other = IDS.clone()
    other[0, 17] = (other[0, 17] + 1) % 96
    before, after = fast.hidden(IDS), fast.hidden(other)
    assert torch.equal(before[:, :17], after[:, :17])
    assert not torch.equal(before[:, 17], after[:, 17])


def test_threads_change_nothing(fast):
    whole, threads = fast.logits(fast.hidden(IDS)), torch.get_num_threads()
    try:
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            assert torch.equal(fast.logits(fast.hidden(IDS)), whole)
    finally:
        torch.set_num_threads(threads)


LEVELS = {"DEFAULT": "x86-64", "AVX2": "x86-64-v3", "AVX512": "x86-64-v4"}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="compiles for x86-64")
@pytest.mark.parametrize("capability", LEVELS)
@pytest.mark.parametrize("bits", [4, 8])
def test_other_processors_would_give_the_same_bits(
    small, bits, capability, monkeypatch
):
    """The first of x86-64, those with AVX2, those with AVX-512 and no more."""
    here = torch.backends.cpu.get_cpu_capability()
    if capability not in list(LEVELS)[: list(LEVELS).index(here) + 1]:
        pytest.skip(f"this machine has {here} only")
    model = CppEngine(small, bits=bits)
    right = model.logits(model.hidden(IDS))
    try:
        lib = compile.build(f"-march={LEVELS[capability]}")
    except RuntimeError as problem:
        if "_Float16" in str(problem):
            pytest.skip("a compiler before GCC 12 has no float16 there")
        raise
    monkeypatch.setattr(cpp_engine, "library", lambda: lib)
    other = CppEngine(small, bits=bits)
    assert torch.equal(other.logits(other.hidden(IDS)), right)


def test_extreme_numbers_stay_numbers(small):
    """Gates far below zero close, and a group of next to nothing is nothing."""
    loud = GPT(SMALL)
    loud.load_state_dict(small.state_dict())
    loud.eval().requires_grad_(False)
    for block in loud.blocks:
        block.mlp.gate.weight.data *= 300
    right = reference(loud, 8).hidden(
        IDS, cache=HalfCache(SMALL, batch=1, max_tokens=30)
    )
    off = (CppEngine(loud, bits=8).hidden(IDS) - right).abs().max()
    assert off <= 2e-4 * right.abs().max()
    tiles = pack_tiles(torch.ones(16, 32), bits=8)
    assert multiply(torch.full((1, 32), 1e-38), tiles).abs().max() <= 1e-30


FAMILIES = {
    "qwen2": {"bias": "qkv"},
    "qwen3": {"qk_norm": True, "head_width": 32},
    "smollm3": {"unrotated_layers": (1,)},
    "llama 3.1": {"rope_factors": (1, 1, 2, 4, 8, 8, 8, 8), "tied": False},
}


def random_model(**changes):
    model = GPT(replace(SMALL, **changes)).eval()
    for p in model.parameters():
        p.data = 0.3 * torch.randn_like(p)
    return model.requires_grad_(False)


@pytest.mark.parametrize("family", FAMILIES)
def test_relatives_of_llama_compute_what_the_readable_model_does(family):
    model = random_model(**FAMILIES[family])
    cache = HalfCache(model.config, batch=1, max_tokens=30)
    right = reference(model, 8).hidden(IDS, cache=cache)
    off = (CppEngine(model, bits=8).hidden(IDS) - right).abs()
    assert off.max() <= 3e-4 * right.abs().max()


def test_nan_goes_through_products_and_attention():
    """Integers have no NaN and float16 ends at 65,504: neither may hide it."""
    tiles = pack_tiles(torch.randn(32, 64), bits=4)
    for bad in (torch.nan, torch.inf):
        x = torch.randn(2, 64)
        x[0, 40] = bad
        y = multiply(x, tiles)
        assert y[0].isnan().all() and y[1].isfinite().all()
        y = multiply(x, tiles, torch.ones(64), eps=1e-5)
        assert y[0].isnan().all() and y[1].isfinite().all()


@pytest.mark.parametrize("part", ["query", "key", "value"])
def test_an_overflow_in_attention_reaches_the_logits_as_nan(part):
    model = random_model(bias="qkv")
    getattr(model.blocks[1].attention, part).bias.data.fill_(torch.inf)
    fast = CppEngine(model, bits=8)
    assert fast.logits(fast.hidden(IDS)).isnan().all()


def test_what_happens_to_the_model_afterwards_does_not_matter(small):
    model = GPT(SMALL)
    model.load_state_dict(small.state_dict())
    fast = CppEngine(model, bits=8)
    before = fast.logits(fast.hidden(IDS))
    model.half()
    for p in model.parameters():
        p.data.zero_()
    assert torch.equal(fast.logits(fast.hidden(IDS)), before)


def test_smollm2_expects_nearly_the_same(smollm2, tokenizer):
    """Kullback-Leibler divergence of the next token, averaged over a text."""
    ids = torch.tensor([tokenizer.encode(WEATHER_REPORT)])
    right = smollm2(ids)[0].log_softmax(-1)
    for bits in (4, 8):
        model = CppEngine(smollm2, bits=bits)
        got = model.logits(model.hidden(ids))[0].log_softmax(-1)
        assert (right.exp() * (right - got)).sum(-1).mean() <= 1e-4


def test_bytes_read_for_a_token(smollm2):
    """106,168,320 weights in the blocks at 4 + 1 bits, 28,311,552 at 8 + 1."""
    right = 106_168_320 * 5 // 8 + 28_311_552 * 9 // 8
    assert CppEngine(smollm2).weight_bytes == right


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"n_heads": 12}, "multiple of 16 wide, not 8"),
        ({"d_ff": 150}, "can't be cut into tiles"),
        ({"rope_base": None}, "runs models of the Llama family"),
    ],
)
def test_what_it_cannot_run_is_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        CppEngine(GPT(replace(SMALL, **change)))


def test_a_cache_of_another_kind_or_too_small_is_refused(fast):
    wrong = TorchEngine(GPT(SMALL)).new_cache(batch=1, max_tokens=30)
    with pytest.raises(
        ValueError, match="must be one that this model's new_cache made"
    ):
        fast.hidden(IDS, cache=wrong)
    with pytest.raises(ValueError, match="room for 20 tokens, not 30"):
        fast.hidden(IDS, cache=fast.new_cache(batch=1, max_tokens=20))
    with pytest.raises(ValueError, match="no numbers, or too large"):
        pack_tiles(torch.full((16, 32), 3e5), bits=4)
    with pytest.raises(ValueError, match="Rows of 32 do not fit"):
        multiply(torch.ones(1, 32), fast.unembedding)
    with pytest.raises(ValueError, match="padding on the left alone"):
        fast.hidden(IDS, valid=torch.arange(30)[None] < 20)
