"""Joined parameters are the ones of the block, one after the other."""

from dataclasses import replace

import pytest
import torch

from insidegpt.fast.fuse import check_family, fuse
from insidegpt.model.config import PRESETS
from insidegpt.model.gpt import GPT

LLAMA = PRESETS["tiny-llama"]  # width 24, 6 heads, 2 of keys, 4 wide; d_ff 48


def test_what_reads_the_same_input_is_one_matrix():
    model = GPT(LLAMA)
    fused, block = fuse(model.state_dict(), LLAMA, layer=1), model.blocks[1]
    q, k, v = fused.qkv.split([24, 8, 8])
    assert torch.equal(q, block.attention.query.weight)
    assert torch.equal(k, block.attention.key.weight)
    assert torch.equal(v, block.attention.value.weight)
    gate, up = fused.gate_up.chunk(2)
    assert torch.equal(gate, block.mlp.gate.weight)
    assert torch.equal(up, block.mlp.up.weight)
    assert fused.bias is fused.qk_norm is None


def test_norms_of_heads_are_a_row_for_each_query_and_key():
    config = replace(LLAMA, qk_norm=True, bias="qkv")
    model = GPT(config)
    model.blocks[0].attention.query_norm.weight.data.fill_(2.0)
    model.blocks[0].attention.key_norm.weight.data.fill_(3.0)
    fused = fuse(model.state_dict(), config, layer=0)
    assert fused.qk_norm[:, 0].tolist() == [2.0] * 6 + [3.0] * 2
    assert fused.bias.shape == (24 + 8 + 8,)


@pytest.mark.parametrize("preset", ["gpt2", "tiny-gpt2"])
def test_other_families_are_refused(preset):
    with pytest.raises(ValueError, match="runs models of the Llama family"):
        check_family(PRESETS[preset])
