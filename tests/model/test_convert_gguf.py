"""llama.cpp's files: every family that it stores equals transformers."""

import pytest
import torch
from families import VARIANTS, tiny, write_gguf
from gguf import GGUFWriter

from insidegpt.model.checkpoint import load_model

# llama.cpp skips positions in every fourth block, whatever the configuration says.
STORED = [name for name in VARIANTS if name not in ("smollm3", "qwen2, wide")]
IDS = torch.randint(96, (2, 33), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("variant", STORED)
@pytest.mark.parametrize("seed", range(2))
def test_every_family_equals_transformers(variant, seed, tmp_path):
    """To 1e-6: transformers computes angles in float32, the file holds float32."""
    theirs = tiny(variant, seed=seed)
    write_gguf(theirs, tmp_path / "m.gguf", variant)
    ours = load_model(tmp_path / "m.gguf", dtype=torch.float64)
    theirs = theirs.float().double()
    with torch.inference_mode():
        assert (ours(IDS) - theirs(IDS).logits).abs().max() <= 1e-6


@pytest.mark.parametrize(
    "kind", ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"]
)
def test_weights_of_every_kind_are_what_the_gguf_package_makes_of_them(kind, tmp_path):
    from gguf import GGUFReader
    from gguf.quants import dequantize

    theirs = tiny("qwen2, wide")
    write_gguf(theirs, tmp_path / "m.gguf", "qwen2, wide", kind=kind)
    ours = load_model(tmp_path / "m.gguf").state_dict()
    stored = {t.name: t for t in GGUFReader(tmp_path / "m.gguf").tensors}
    for name, short in (("mlp.up", "ffn_up"), ("attention.query", "attn_q")):
        tensor = stored[f"blk.0.{short}.weight"]
        values = dequantize(tensor.data, tensor.tensor_type)
        assert tensor.tensor_type.name == kind
        assert torch.equal(ours[f"blocks.0.{name}.weight"], torch.from_numpy(values))


def empty(path, arch):
    writer = GGUFWriter(path, arch)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize(
    ("arch", "sentence"),
    [
        ("gemma3", "architecture = 'gemma3'"),
        ("llama", "lacks a part that a llama model needs .'attention.head_count'"),
    ],
)
def test_other_and_empty_files_are_one_sentence(arch, sentence, tmp_path):
    empty(tmp_path / "m.gguf", arch)
    with pytest.raises(ValueError, match=sentence) as caught:
        load_model(tmp_path / "m.gguf")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("llama.expert_count", 8, "expert_count = 8"),
        ("llama.rope.dimension_count", 2, "rope.dimension_count = 2"),
    ],
)
def test_models_we_cannot_compute_are_refused(
    key, value, sentence, tmp_path, monkeypatch
):
    from insidegpt.files import gguf

    write_gguf(tiny("llama"), tmp_path / "m.gguf", "llama")
    whole = gguf.read_gguf(tmp_path / "m.gguf")
    whole.metadata[key] = value
    monkeypatch.setattr("insidegpt.model.weights.read_gguf", lambda path: whole)
    with pytest.raises(ValueError, match=sentence):
        load_model(tmp_path / "m.gguf")
