"""DPO and IPO by hand, against TRL's trainer, and against the bugs others shipped."""

import math

import pytest
import torch
from small_align import TOKENIZER, tiny

from insidegpt.align.dpo import (
    Preferences,
    Preferred,
    answer_logprobs,
    dpo_loss,
    ipo_loss,
    margins,
)
from insidegpt.align.reward import Pair
from insidegpt.align.sft import Example, pad
from insidegpt.model.export import save_llama
from insidegpt.text.batches import IGNORED
from insidegpt.train.loop import TrainConfig, train

BETA = 0.3


def pair(prompt, chosen, rejected):
    def example(answer):
        learn = [False] * len(prompt) + [True] * len(answer)
        return Example([*prompt, *answer], learn)

    return Pair(example(chosen), example(rejected))


PAIRS = [
    pair([1, 2, 3], [4, 5], [6, 7, 8, 9]),
    pair([9], [8, 7, 6, 5, 4, 3], [2]),
    pair([5, 5], [1], [2]),
]


def test_a_model_that_is_its_own_reference_has_no_margin(reference):
    """- log sigma(0) = log 2 for each pair; IPO: (0 - 1 / 2 beta)^2."""
    batch = Preferences(PAIRS, reference, rows=3)[0]
    assert margins(reference, batch).tolist() == pytest.approx([0, 0, 0], abs=1e-10)
    loss = dpo_loss(BETA)(reference, batch)
    assert loss.total.item() == pytest.approx(3 * math.log(2)) and loss.tokens == 3
    ipo = ipo_loss(BETA)(reference, batch)
    assert ipo.total.item() == pytest.approx(3 / (2 * BETA) ** 2)


def test_by_hand(model):
    """Log-probabilities of -1 and -5 where the reference has -2 and -4: margin 2."""
    batch = Preferences(PAIRS[:1], model, rows=1)[0]
    now = answer_logprobs(model, *pad(list(PAIRS[0])))
    batch = batch._replace(reference=now - torch.tensor([1.0, -1.0]))
    loss = dpo_loss(BETA)(model, batch)
    assert loss.total.item() == pytest.approx(math.log(1 + math.exp(-2 * BETA)))
    ipo = ipo_loss(BETA)(model, batch)
    assert ipo.total.item() == pytest.approx((2 - 1 / (2 * BETA)) ** 2)


def test_log_probabilities_are_summed_over_the_answer_alone(model):
    """Token by token, by the softmax of the logits before it."""
    ids = [1, 2, 3, 4, 5]
    logits = model(torch.tensor([ids]))[0].log_softmax(-1)
    expected = logits[2, 4] + logits[3, 5]
    found = answer_logprobs(model, *pad([PAIRS[0].chosen]))
    assert found.item() == pytest.approx(expected.item(), abs=1e-10)


def test_the_reference_is_not_moved_and_the_order_of_pairs_is_kept(model, reference):
    before = [p.clone() for p in reference.parameters()]
    batches = Preferences(PAIRS, reference, rows=3)
    for _ in train(model, batches, dpo_loss(BETA), TrainConfig(30)):
        pass
    assert all(map(torch.equal, before, reference.parameters()))
    assert (margins(model, batches[0]) > 0).all()


@pytest.fixture
def theirs(tmp_path):
    """TRL's trainer on the same two models and pairs; call it with a kind of loss."""
    pytest.importorskip("trl")
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    def make(kind, models):
        paths = [tmp_path / name for name in ("model", "reference")]
        for made, path in zip(models, paths, strict=True):
            save_llama(made, TOKENIZER, path)
        loaded = [
            AutoModelForCausalLM.from_pretrained(p, dtype=torch.float64) for p in paths
        ]
        tokenizer = AutoTokenizer.from_pretrained(paths[0])
        tokenizer.pad_token = tokenizer.eos_token
        rows = [
            {"prompt": "ab", "chosen": "cde", "rejected": "f"},
            {"prompt": "xyz", "chosen": "q", "rejected": "rstuv"},
        ]
        arguments = DPOConfig(
            output_dir=str(tmp_path / "out"),
            loss_type=kind,
            beta=BETA,
            per_device_train_batch_size=2,
            report_to=[],
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
        )
        return DPOTrainer(
            model=loaded[0],
            ref_model=loaded[1],
            args=arguments,
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
        )

    return make


@pytest.mark.slow
def test_losses_are_trl_s(theirs, model, reference):
    """IPO after dividing by the answers' lengths, as TRL does."""
    for kind in ("sigmoid", "ipo"):
        trainer = theirs(kind, (model, reference))
        batch = next(iter(trainer.get_train_dataloader()))
        with torch.no_grad():
            expected = trainer.compute_loss(trainer.model, batch).item()
        ids, answer = batch["input_ids"], batch["completion_mask"].bool()
        targets = ids.masked_fill(~answer, IGNORED)[:, 1:]
        own = Preferred(ids[:, :-1], targets, torch.zeros(len(ids)))
        known = answer_logprobs(reference, *own[:2]).detach()
        own = own._replace(reference=known)
        if kind == "sigmoid":
            found = dpo_loss(BETA)(model, own).mean
        else:
            ratio = answer_logprobs(model, *own[:2]) - known
            chosen, rejected = (ratio / answer.sum(1)).chunk(2)
            found = (chosen - rejected - 1 / (2 * BETA)).square().mean().item()
            lengths = ipo_loss(BETA)(model, own).mean
            assert lengths != pytest.approx(found)
        # transformers' angles are float32, whatever the model is.
        assert found == pytest.approx(expected, abs=1e-5)


def test_sums_and_not_means_are_compared():
    """A long answer that lost a little at each token has lost more than a short one."""
    model, reference = tiny(), tiny(1)
    batch = Preferences(PAIRS[1:2], reference, rows=1)[0]
    ratio = answer_logprobs(model, *batch[:2]) - batch.reference
    assert margins(model, batch).item() == pytest.approx((ratio[0] - ratio[1]).item())
