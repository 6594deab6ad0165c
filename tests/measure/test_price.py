"""Times, prices and energies worked out on paper, and what must hold of all of them."""

import dataclasses
import math

import pytest
import torch

from insidegpt.measure import cost, price
from insidegpt.measure.price import Plan, Processor, Size
from insidegpt.model.cache import kv_bytes_per_token
from insidegpt.model.config import PRESETS

# A thousand parameters; 10 products with each token before; 4 numbers kept for a token.
SMALL = Size(1000.0, 1000.0, 1.0, 10.0, 10.0, 4.0, 6.0, trained_tokens=50.0)
# 100 that all tokens pass, and 8 experts of 100, of which a token passes 2.
EXPERTS = Size(900.0, 300.0, 0.25, 0.0, 0.0, 4.0, 6.0, trained_tokens=50.0)
CHIP = Processor(flops_s=1e6, bytes_s=1e4, memory_bytes=4000, watt=500)
PLAN = Plan(100.0, 16, context_tokens=5, texts=2, reached=0.5, usd_hour=3.6)
PRICES = Processor(1e15, 3e12, 8e10, 1000)


def test_a_bill_by_hand():
    """A thousand parameters in 16 bits are 2000 bytes; two caches of 5 tokens of 4
    numbers are 80. A token takes 2 (1000 + 10 x 5) = 2100 FLOPs.

    A step: 2080 bytes at 1e4 / 2 a second are 0.416 s, 4200 FLOPs at 1e6 / 2 only
    0.0084. A prompt of 5: 10500 FLOPs take 0.021 s, 2000 bytes 0.4. An answer: 0.4 and
    300 times 0.208 s. 3.6 dollars an hour are 0.001 a second.
    """
    one = price.bill(SMALL, PLAN, CHIP)
    assert one.training_flops == 6 * 1000 * 100
    assert one.training_hours == pytest.approx(1.2 / 3600)
    assert one.training_usd == pytest.approx(1.2 * 0.001)
    assert one.training_kwh == pytest.approx(1.2 / 3600 * 0.5)
    assert one.adam_bytes == 16_000
    assert one.inputs_bytes == 2 * 6 * 5
    assert (one.weight_bytes, one.cache_bytes, one.processors) == (2000, 80, 1)
    assert one.step_s == pytest.approx(0.416)
    assert one.read_tokens_s == pytest.approx(5 / 0.4)
    assert one.written_tokens_s == pytest.approx(2 / 0.416)
    assert one.read_usd == pytest.approx(1e6 * 0.08 * 0.001)
    assert one.written_usd == pytest.approx(1e6 * 0.208 * 0.001)
    assert one.answer_usd == pytest.approx((0.4 + 300 * 0.208) * 0.001)
    assert one.answer_wh == pytest.approx((0.4 + 300 * 0.208) * 500 / 3600)


def test_experts_are_read_when_some_token_chose_them():
    """One token reads 100 + 2 of 8 experts; two leave out each with (3/4)^2."""
    assert price.touched_parameters(EXPERTS, tokens=1) == pytest.approx(300)
    assert price.touched_parameters(EXPERTS, tokens=2) == pytest.approx(
        100 + 800 * (1 - 0.75**2)
    )
    assert price.touched_parameters(EXPERTS, tokens=math.inf) == 900
    assert price.touched_parameters(SMALL, tokens=1) == 1000
    assert price.token_flops(EXPERTS, context_tokens=7) == 600


@pytest.mark.parametrize("name", ["mini", "smollm2", "gpt2"])
def test_a_shape_is_counted_as_the_exact_formulas_count_it(name):
    config = PRESETS[name]
    one = price.size(config, trained_tokens=1)
    for tokens in (1, 100):
        exact = cost.forward_flops(config, rows=1, tokens=tokens) / tokens
        off = price.token_flops(one, context_tokens=tokens) / exact - 1
        assert abs(off) < 0.01  # norms, and positions, which multiply nothing
    kept = kv_bytes_per_token(config, dtype=torch.bfloat16)
    assert price.cache_bytes(one, tokens=1) == kept
    assert price.weight_bytes(one, bits=32) == 4 * cost.parameters(config).total


def test_attention_on_a_compressed_cache_makes_writing_dearer_and_not_reading():
    """A step of two: 2 x 2 (1000 + 5000 x 5) = 104,000 FLOPs at half of 1e6 a second
    take 0.208 s; 2080 bytes at half of 9e4 a second take 0.046."""
    chip = CHIP._replace(bytes_s=9e4)
    dear = SMALL._replace(attention_written=5000.0)
    assert price.step_s(dear, PLAN, chip) == pytest.approx(0.208)
    assert price.prompt_s(dear, PLAN, chip) == price.prompt_s(SMALL, PLAN, chip)


def test_a_text_alone_waits_for_memory_and_a_thousand_for_arithmetic():
    """8e9 parameters in 16 bits: 16e9 bytes at 3e12 a second, 16e9 FLOPs at 1e15."""
    big = Size(8e9, 8e9, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0)
    plan = Plan(1.0, 16, 1024, 1, 1.0, 2.0)
    assert price.step_s(big, plan, PRICES) == pytest.approx(16e9 / 3e12)
    many = plan._replace(texts=1000)
    assert price.step_s(big, many, PRICES) == pytest.approx(1000 * 16e9 / 1e15)
    assert price.prompt_s(big, plan, PRICES) == pytest.approx(1024 * 16e9 / 1e15)


def test_texts_that_share_a_reading_never_make_a_token_dearer():
    before = math.inf
    for texts in (1, 2, 4, 8, 16, 1024, 4096):
        one = price.bill(SMALL, PLAN._replace(texts=texts), PRICES)
        assert one.written_usd <= before
        assert one.written_tokens_s == pytest.approx(texts / one.step_s)
        before = one.written_usd


def test_more_processors_are_taken_when_memory_is_full():
    """0.9 of 4000 bytes: 2000 and 40 a text leave room for 40 texts."""
    few = price.bill(SMALL, PLAN._replace(texts=40), CHIP)
    many = price.bill(SMALL, PLAN._replace(texts=41), CHIP)
    assert (few.processors, many.processors) == (1, 2)


def test_everything_that_is_paid_for_follows_the_rent_and_nothing_else_does():
    one = price.bill(SMALL, PLAN, CHIP)
    twice = price.bill(SMALL, PLAN._replace(usd_hour=7.2), CHIP)
    for name, value in one._asdict().items():
        factor = 2 if name.endswith("_usd") else 1
        assert getattr(twice, name) == pytest.approx(factor * value), name


def test_grouped_keys_make_the_cache_smaller_and_nothing_else_about_a_token():
    config = PRESETS["tiny-llama"]
    whole = dataclasses.replace(config, n_kv_heads=config.n_heads)
    grouped, full = (price.size(c, trained_tokens=1) for c in (config, whole))
    assert full.cache == 3 * grouped.cache and full.attention == grouped.attention
