"""The trace keeps everything and changes nothing."""

import torch

from insidegpt.model.config import PRESETS
from insidegpt.model.gpt import GPT
from insidegpt.model.trace import logit_lens, trace


def run(preset):
    torch.manual_seed(0)
    model = GPT(PRESETS[preset]).double().eval().requires_grad_(False)
    ids = torch.arange(7)
    return model, ids, trace(model, ids)


def test_the_logits_are_the_models():
    for preset in ("tiny-gpt2", "tiny-llama"):
        model, ids, seen = run(preset)
        assert torch.allclose(seen.logits, model(ids[None])[0], atol=1e-12)


def test_attention_is_the_one_that_the_blocks_used():
    """Rebuild the last block's output from the kept weights: it must be the same."""
    model, _, seen = run("tiny-llama")
    block, x = model.blocks[-1], seen.residual[-2:-1]
    _, _, v = block.attention.project(block.norm1(x))
    mixed = seen.attention[-1:] @ v.repeat_interleave(3, 1)
    y = x + block.attention.out(mixed.transpose(1, 2).flatten(2))
    y = y + block.mlp(block.norm2(y))
    assert torch.allclose(y[0], seen.residual[-1], atol=1e-12)


def test_the_lens_at_the_last_depth_is_the_output():
    model, _, seen = run("tiny-gpt2")
    assert torch.allclose(logit_lens(model, seen.residual)[-1], seen.logits)
