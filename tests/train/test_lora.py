"""Adapters begin as nothing, learn, merge to the same function, and are PEFT's."""

import copy
import dataclasses
import json

import peft
import pytest
import torch
from small_training import SHAPE, TEXT
from transformers import AutoModelForCausalLM

from insidegpt.files.locate import BUNDLED
from insidegpt.infer.generate import generate_batch
from insidegpt.model.export import save_llama
from insidegpt.model.gpt import GPT
from insidegpt.text import bpe
from insidegpt.text.batches import Batches
from insidegpt.text.chat import encode_chat
from insidegpt.text.json_answers import questions, read_reply
from insidegpt.train.loop import TrainConfig, train
from insidegpt.train.lora import (
    Adapted,
    adapt,
    adapters,
    load_adapter,
    merge,
    save_adapter,
)
from insidegpt.train.loss import next_token_loss

TOKENIZER = bpe.train(["abc"], vocab_size=257, special_tokens=["<end>"])
CONFIG = dataclasses.replace(SHAPE, vocab_size=TOKENIZER.vocab_size)
EVERY = ("query", "key", "value", "out", "gate", "up", "down")
IDS = torch.arange(10)[None]


def model(seed=0):
    return GPT(CONFIG, generator=torch.Generator().manual_seed(seed)).double()


def adapted(*, targets=EVERY, rank=3, alpha=6.0, filled=True):
    made = adapt(
        model(),
        rank=rank,
        alpha=alpha,
        targets=targets,
        generator=torch.Generator().manual_seed(1),
    )
    for _, layer in adapters(made) if filled else ():
        torch.nn.init.normal_(layer.up, generator=torch.Generator().manual_seed(2))
    return made


def test_by_hand():
    """W = [[1, 0], [0, 1]], A = [[1, 2]], B = [[1], [0]], alpha 2, r 1: adds
    2 (x0 + 2 x1) to the first number. (3, 4) becomes (3 + 22, 4)."""
    linear = torch.nn.Linear(2, 2, bias=False)
    layer = Adapted(linear, rank=1, alpha=2.0)
    with torch.no_grad():
        linear.weight.copy_(torch.eye(2))
        layer.down.copy_(torch.tensor([[1.0, 2.0]]))
        layer.up.copy_(torch.tensor([[1.0], [0.0]]))
    assert layer(torch.tensor([3.0, 4.0])).tolist() == [25.0, 4.0]


def test_at_first_nothing_changes_and_only_adapters_learn():
    made = adapted(filled=False)
    assert torch.equal(made(IDS), model()(IDS))
    learning = {name for name, p in made.named_parameters() if p.requires_grad}
    assert all(name.endswith((".down", ".up")) for name in learning)
    assert len(learning) == 2 * len(EVERY) * CONFIG.n_layers


def test_merged_and_unmerged_are_equal_and_differ_from_the_base():
    made = adapted()
    before = made(IDS)
    assert (before - model()(IDS)).abs().max() > 0.1
    merged = merge(made)
    assert not list(adapters(merged))
    assert (merged(IDS) - before).abs().max() < 1e-12
    assert list(merged.state_dict()) == list(model().state_dict())


def test_training_moves_the_adapters_and_leaves_the_rest():
    made = adapt(model(), rank=2, alpha=4.0)
    frozen = {n: p.clone() for n, p in made.named_parameters() if not p.requires_grad}
    batches = Batches(TEXT, context_tokens=8, rows=4)
    config = TrainConfig(60, lr=0.02, matrix_lr=None)
    losses = [step.loss for step in train(made, batches, next_token_loss, config)]
    assert losses[-1] < losses[0] - 0.2
    after = dict(made.named_parameters())
    assert all(torch.equal(after[name], p) for name, p in frozen.items())


@pytest.fixture
def base(tmp_path):
    save_llama(model(), TOKENIZER, tmp_path / "base")
    return tmp_path / "base"


@pytest.mark.parametrize("targets", [("query", "value"), EVERY])
def test_peft_reads_our_adapters(base, tmp_path, targets):
    made = adapted(targets=targets)
    save_adapter(made, tmp_path / "adapter", base=str(base))
    theirs = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float64)
    theirs = peft.PeftModel.from_pretrained(theirs, tmp_path / "adapter")
    assert (theirs(IDS).logits - made(IDS)).abs().max() < 1e-6


def test_we_read_peft_s_adapters(base, tmp_path):
    theirs = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float64)
    config = peft.LoraConfig(r=4, lora_alpha=2, target_modules=["k_proj", "up_proj"])
    theirs = peft.get_peft_model(theirs, config)
    for name, p in theirs.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(p)
    theirs.save_pretrained(tmp_path / "adapter")
    ours = load_adapter(model(), tmp_path / "adapter")
    assert (theirs(IDS).logits - ours(IDS)).abs().max() < 1e-6
    assert (ours(IDS) - model()(IDS)).abs().max() > 0.01


def test_ours_come_back_as_they_were(tmp_path):
    made = adapted()
    save_adapter(made, tmp_path, base="mini")
    assert torch.equal(load_adapter(model(), tmp_path)(IDS), made(IDS))


def test_what_does_not_fit_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="No linear layer of this model is called q"):
        adapt(model(), rank=1, alpha=1.0, targets=("q",))
    with pytest.raises(ValueError, match="A rank of 99 does not fit"):
        adapt(model(), rank=99, alpha=1.0)
    with pytest.raises(ValueError, match="Only adapters of a model of Llama's kind"):
        save_adapter(model(), tmp_path, base="mini")
    save_adapter(adapted(), tmp_path, base="mini")
    wider = GPT(dataclasses.replace(CONFIG, d_model=32)).double()
    with pytest.raises(ValueError, match="_proj does not fit this model"):
        load_adapter(wider, tmp_path)
    about = json.loads((tmp_path / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(
        json.dumps(about | {"use_dora": True})
    )
    with pytest.raises(ValueError, match="no plain LoRA adapters .use_dora is set"):
        load_adapter(model(), tmp_path)


# The adapter of the book -------------------------------------------------------------

STORED = BUNDLED / "lora-json"
WANTED = [q for q in questions("test") if q.kind in ("person", "yes or no")][::3]


def prompts(tokenizer):
    return [
        encode_chat(tokenizer, [{"role": "user", "content": question.text}])
        for question in WANTED
    ]


def test_the_stored_adapter_is_small():
    files = list(STORED.iterdir())
    assert {f.suffix for f in files} == {".json", ".safetensors"}
    assert sum(file.stat().st_size for file in files) < 4_000_000


def test_the_stored_adapter_answers_in_its_form_merged_and_unmerged(smollm2, tokenizer):
    settings = {"max_new_tokens": 40, "stop_ids": tokenizer.end_ids}
    asked = prompts(tokenizer)
    before = generate_batch(smollm2, asked, **settings)
    model = load_adapter(copy.deepcopy(smollm2), STORED)
    unmerged = generate_batch(model, asked, **settings)
    assert generate_batch(merge(model), asked, **settings) == unmerged
    assert not any(read_reply(tokenizer.decode(ids)) for ids in before)
    replies = [read_reply(tokenizer.decode(ids)) for ids in unmerged]
    assert [r and r.kind for r in replies] == [q.kind for q in WANTED]


def test_peft_computes_the_same_with_the_stored_adapter(
    smollm2, smollm2_oracle, tokenizer
):
    ids = torch.tensor(prompts(tokenizer)[:1])
    theirs = peft.PeftModel.from_pretrained(copy.deepcopy(smollm2_oracle), STORED)
    ours = load_adapter(copy.deepcopy(smollm2), STORED)
    with torch.inference_mode():
        expected = theirs(ids).logits
        assert (ours(ids) - expected).abs().max() < 1e-3
        assert (smollm2(ids) - expected).abs().max() > 1
