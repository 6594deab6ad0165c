"""Loading: every source we name works, every broken one is one sentence."""

import json
import shutil

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

import insidegpt
from insidegpt.files import source
from insidegpt.model.config import PRESETS
from insidegpt.model.gpt import GPT
from insidegpt.model.weights import load_model, save_model

IDS = torch.arange(12)[None]


@pytest.fixture(scope="module")
def llama_directory(tmp_path_factory):
    torch.manual_seed(0)
    sizes = dict(vocab_size=96, hidden_size=24, intermediate_size=40)
    sizes |= dict(num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2)
    model = LlamaForCausalLM(LlamaConfig(**sizes))
    path = tmp_path_factory.mktemp("llama")
    model.save_pretrained(path)
    return path


@pytest.fixture
def copy(llama_directory, tmp_path):
    return shutil.copytree(llama_directory, tmp_path / "copy")


def oracle(directory, kind=LlamaForCausalLM):
    with torch.inference_mode():
        return kind.from_pretrained(directory)(IDS).logits


def test_llama_directory(llama_directory):
    assert (
        load_model(llama_directory)(IDS) - oracle(llama_directory)
    ).abs().max() < 1e-5


def test_sharded_llama_directory(llama_directory, tmp_path):
    model = LlamaForCausalLM.from_pretrained(llama_directory)
    model.save_pretrained(tmp_path, max_shard_size="8KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    assert torch.equal(load_model(tmp_path)(IDS), load_model(llama_directory)(IDS))


def test_gpt2_directory(tmp_path):
    torch.manual_seed(0)
    theirs = GPT2LMHeadModel(GPT2Config(vocab_size=96, n_embd=24, n_layer=2, n_head=4))
    theirs.save_pretrained(tmp_path)
    ours = load_model(str(tmp_path))
    assert (ours(IDS) - oracle(tmp_path, GPT2LMHeadModel)).abs().max() < 1e-5


def test_a_hub_id_is_downloaded_and_read(llama_directory, monkeypatch):
    monkeypatch.setattr(source, "_download", lambda hub_id, want: llama_directory)
    assert torch.equal(load_model("some/llama")(IDS), load_model(llama_directory)(IDS))


def test_a_directory_named_gpt2_goes_before_the_hub(tmp_path, monkeypatch):
    theirs = GPT2LMHeadModel(GPT2Config(vocab_size=96, n_embd=24, n_layer=1, n_head=4))
    theirs.save_pretrained(tmp_path / "gpt2")
    monkeypatch.chdir(tmp_path)
    assert load_model("gpt2").config.n_layers == 1


@pytest.mark.parametrize("preset", ["tiny-gpt2", "tiny-llama"])
def test_our_own_checkpoint_round_trips(tmp_path, preset):
    model = GPT(PRESETS[preset]).eval()
    save_model(model, tmp_path)
    again = load_model(tmp_path)
    assert again.config == model.config
    assert torch.equal(again(IDS), model(IDS))


def test_smollm2_has_the_preset_shape_and_needs_no_gradient(smollm2):
    assert smollm2.config == PRESETS["smollm2"]
    assert not smollm2.training
    assert not any(p.requires_grad for p in smollm2.parameters())


def test_dtype_is_the_one_asked_for(llama_directory):
    model = load_model(llama_directory, dtype=torch.bfloat16)
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}


def test_public_names():
    assert insidegpt.load_model is load_model
    assert callable(insidegpt.load_tokenizer) and callable(insidegpt.generate)


def edit(path, **changes):
    settings = json.loads((path / "config.json").read_text()) | changes
    (path / "config.json").write_text(json.dumps(settings))


def expect(path, error, sentence):
    with pytest.raises(error, match=sentence) as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


def test_missing_weights(copy):
    (copy / "model.safetensors").unlink()
    expect(copy, FileNotFoundError, "has no model.safetensors")


def test_missing_config(copy):
    (copy / "config.json").unlink()
    expect(copy, FileNotFoundError, "has no config.json")


def test_truncated_weights(copy):
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    expect(copy, ValueError, "truncated or corrupted")


def test_corrupted_header(copy):
    file = copy / "model.safetensors"
    file.write_bytes(b"\xff" * 8 + file.read_bytes()[8:])
    expect(copy, ValueError, "truncated or corrupted")


def test_config_that_is_not_json(copy):
    (copy / "config.json").write_text("{")
    expect(copy, ValueError, "not valid JSON")


def test_another_family(copy):
    edit(copy, model_type="bert")
    expect(copy, ValueError, "type 'bert'")


def test_impossible_numbers(copy):
    edit(copy, num_key_value_heads=4)
    expect(copy, ValueError, "multiple of n_kv_heads")


def test_a_missing_setting(copy):
    settings = json.loads((copy / "config.json").read_text())
    del settings["hidden_size"]
    (copy / "config.json").write_text(json.dumps(settings))
    expect(copy, ValueError, "lacks or misnames a setting .'hidden_size'")


def test_weights_of_another_shape(copy):
    edit(copy, intermediate_size=48)
    expect(copy, ValueError, "has shape .40, 24., expected .48, 24.")


def test_weights_of_another_depth(copy):
    edit(copy, num_hidden_layers=3)
    expect(copy, ValueError, "9 .blocks.2.* missing")


def test_a_missing_shard(copy, llama_directory):
    model = LlamaForCausalLM.from_pretrained(llama_directory)
    (copy / "model.safetensors").unlink()
    model.save_pretrained(copy, max_shard_size="8KB")
    sorted(copy.glob("*.safetensors"))[1].unlink()
    expect(copy, FileNotFoundError, "weights are missing")


def test_a_truncated_gguf(tmp_path):
    whole = source.smollm2_gguf()
    with open(whole, "rb") as file:
        (tmp_path / "cut.gguf").write_bytes(file.read(10_000_000))
    expect(tmp_path / "cut.gguf", ValueError, "is truncated")


def test_a_missing_gguf(tmp_path):
    expect(tmp_path / "gone.gguf", FileNotFoundError, "gone.gguf")
