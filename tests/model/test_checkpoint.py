"""Loading: every source we name works, every broken one is one sentence."""

import dataclasses
import json
import shutil

import pytest
import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

import insidegpt
from insidegpt.files import locate
from insidegpt.model.checkpoint import (
    load_checkpoint,
    load_model,
    save_checkpoint,
)
from insidegpt.model.config import PRESETS
from insidegpt.model.gpt import GPT
from insidegpt.model.weights import load_weights
from insidegpt.text import bpe

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
    monkeypatch.setattr(locate, "_download", lambda hub_id, want: llama_directory)
    assert torch.equal(load_model("some/llama")(IDS), load_model(llama_directory)(IDS))


def test_a_directory_named_gpt2_goes_before_the_hub(tmp_path, monkeypatch):
    theirs = GPT2LMHeadModel(GPT2Config(vocab_size=96, n_embd=24, n_layer=1, n_head=4))
    theirs.save_pretrained(tmp_path / "gpt2")
    monkeypatch.chdir(tmp_path)
    assert load_model("gpt2").config.n_layers == 1


@pytest.fixture(scope="module")
def words():
    """A tokenizer of 280 ids with a chat's special tokens."""
    special = ["<|im_start|>", "<|im_end|>"]
    return bpe.train(["low lower lowest"], vocab_size=280, special_tokens=special)


def small(preset="tiny-llama", **changes):
    config = dataclasses.replace(PRESETS[preset], vocab_size=280, **changes)
    return GPT(config, generator=torch.Generator().manual_seed(0)).eval()


@pytest.mark.parametrize(
    "model",
    [
        small("tiny-gpt2"),
        small(unrotated_layers=(1,), rope_factors=(1.0, 4.0), bias="qkv"),
        small(qk_norm=True, head_width=6, tied=False),
    ],
)
def test_our_own_checkpoint_round_trips(tmp_path, words, model):
    save_checkpoint(model, words, tmp_path)
    again, tokenizer = load_checkpoint(tmp_path)
    assert again.config == model.config
    assert torch.equal(again(IDS), model(IDS))
    assert tokenizer.encode("lower") == words.encode("lower")
    assert {path.name for path in tmp_path.iterdir()} >= {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    }


def test_a_checkpoint_can_be_saved_where_it_was_loaded_from(copy, words):
    model, theirs = small(), LlamaForCausalLM.from_pretrained(copy)
    theirs.save_pretrained(copy, max_shard_size="8KB")  # leaves an index behind
    save_checkpoint(model, words, copy)
    assert torch.equal(load_model(copy)(IDS), model(IDS))
    again, tokenizer = load_checkpoint(copy)
    save_checkpoint(again, tokenizer, copy)
    assert torch.equal(load_model(copy)(IDS), model(IDS))


def test_an_interrupted_save_leaves_the_old_checkpoint(tmp_path, words, monkeypatch):
    model = small()
    save_checkpoint(model, words, tmp_path)

    def cut(state, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("insidegpt.model.checkpoint.save_file", cut)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(small("tiny-gpt2"), words, tmp_path)
    assert torch.equal(load_model(tmp_path)(IDS), model(IDS))
    assert not list(tmp_path.glob("*.unfinished"))


def test_a_tokenizer_of_another_model_is_not_saved_with_it(tmp_path, tokenizer):
    with pytest.raises(ValueError, match="do not belong together"):
        save_checkpoint(small(), tokenizer, tmp_path)


def test_a_whole_file_goes_before_an_older_index(copy):
    new = LlamaForCausalLM.from_pretrained(copy)
    new.save_pretrained(copy, max_shard_size="8KB")
    new.model.norm.weight.data *= 2
    save_file(new.state_dict(), copy / "model.safetensors", metadata={"format": "pt"})
    assert (load_model(copy)(IDS) - oracle(copy)).abs().max() < 1e-5


def test_weights_are_read_one_at_a_time_and_not_kept(llama_directory):
    weights = load_weights(llama_directory)
    assert weights["norm.weight"] is not weights["norm.weight"]
    assert torch.equal(weights["norm.weight"], load_model(llama_directory).norm.weight)


def test_a_trainable_model_is_one(llama_directory):
    model = load_model(llama_directory, trainable=True)
    assert model.training and all(p.requires_grad for p in model.parameters())
    model(IDS).sum().backward()
    assert model.norm.weight.grad.isfinite().all()


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
    expect(copy, FileNotFoundError, "config.json is missing")


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


@pytest.mark.parametrize("text", ["[1]", "null", '"llama"', "7"])
def test_config_that_is_no_object(copy, text):
    (copy / "config.json").write_text(text)
    expect(copy, ValueError, "config.json")


@pytest.mark.parametrize("field", ["num_hidden_layers", "hidden_size", "vocab_size"])
@pytest.mark.parametrize("value", ["many", None, [1], 0])
def test_settings_of_a_wrong_type(copy, field, value):
    edit(copy, **{field: value})
    expect(copy, ValueError, ".")


@pytest.mark.parametrize(
    "text", ["{}", "[]", '{"weight_map": []}', '{"weight_map": 3}']
)
def test_an_index_without_shards(copy, text):
    (copy / "model.safetensors").unlink()
    (copy / "model.safetensors.index.json").write_text(text)
    expect(copy, ValueError, "model.safetensors.index.json")


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
    whole = locate.smollm2_gguf()
    with open(whole, "rb") as file:
        (tmp_path / "cut.gguf").write_bytes(file.read(10_000_000))
    expect(tmp_path / "cut.gguf", ValueError, "is truncated")


def test_a_missing_gguf(tmp_path):
    expect(tmp_path / "gone.gguf", FileNotFoundError, "gone.gguf")
