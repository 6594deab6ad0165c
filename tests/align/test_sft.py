"""Only what the assistant says is learned, whatever it is padded with."""

import numpy as np
import pytest
import torch
from small_align import TOKENIZER, tiny
from small_trl import sft_trainer

from insidegpt.align.sft import (
    Example,
    Examples,
    Replayed,
    encode_examples,
    order,
    pad,
)
from insidegpt.text.batches import IGNORED, Batch, Batches
from insidegpt.train.loop import TrainConfig, train
from insidegpt.train.loss import next_token_loss

TEMPLATE = (
    "{% for m in messages %}{{ m.role[0] }}:{{ m.content }}<end>{% endfor %}"
    "{% if add_generation_prompt %}a:{% endif %}"
)


@pytest.fixture
def tokenizer():
    import dataclasses

    return dataclasses.replace(TOKENIZER, chat_template=TEMPLATE)


def said(text, answer):
    return [
        {"role": "user", "content": text},
        {"role": "assistant", "content": answer},
    ]


def test_only_the_assistant_s_tokens_and_its_end_are_targets(tokenizer):
    dialogues = [said("hi", "yes"), said("a longer one", "no")]
    batch = pad(encode_examples(tokenizer, dialogues, context_tokens=64))
    kept = [
        tokenizer.decode(row[row != IGNORED].tolist()).replace("<end>", "|")
        for row in batch.targets
    ]
    assert kept == ["yes|", "no|"]
    for ids, targets in zip(batch.ids, batch.targets, strict=True):
        places = (targets != IGNORED).nonzero()[:-1, 0]
        assert torch.equal(ids[places + 1], targets[places])  # the next token, always


def test_padding_changes_no_loss(model):
    short = Example([1, 2, 3, 4], [False, False, True, True])
    long = Example(list(range(20)), [False] * 10 + [True] * 10)
    alone = [next_token_loss(model, pad([example])).total for example in (short, long)]
    together = next_token_loss(model, pad([short, long]))
    assert together.tokens == 12
    assert together.total.item() == pytest.approx(sum(alone).item(), abs=1e-10)


def test_each_example_comes_once_an_epoch_and_in_another_order():
    places = [order(10, 4, number, seed=3) for number in range(5)]  # two epochs
    flat = sum(places, [])
    first, second = flat[:10], flat[10:]
    assert sorted(first) == sorted(second) == list(range(10)) and first != second
    assert order(10, 4, 3, seed=3) == places[3] != order(10, 4, 3, seed=4)


def test_it_learns_an_answer_and_nothing_of_the_question():
    """The questions are random, so that learning them would show as a lower loss."""
    draw = torch.Generator().manual_seed(0)
    questions = torch.randint(250, (64, 8), generator=draw).tolist()
    rows = [Example([*q, 7, 8, 9], [False] * 8 + [True] * 3) for q in questions]
    model = tiny(spread=0.1)
    losses = [
        step.loss
        for step in train(
            model, Examples(rows, rows=16), next_token_loss, TrainConfig(200)
        )
    ]
    assert losses[-1] < 0.2 and losses[0] > 4


def test_dialogues_that_teach_nothing_are_named(tokenizer):
    silent = [[{"role": "user", "content": "hi"}]]
    with pytest.raises(ValueError, match="In dialogue 0 the assistant says nothing"):
        encode_examples(tokenizer, silent, context_tokens=64)
    with pytest.raises(ValueError, match="Dialogue 1 has .* tokens, and the context"):
        long = [said("a", "b"), said("a" * 100, "b")]
        encode_examples(tokenizer, long, context_tokens=64)
    with pytest.raises(ValueError, match="no examples"):
        Examples([], rows=4)


def test_replayed_rows_stand_below_and_change_nothing_above():
    examples = Examples([Example([1, 2, 3], [False, True, True])], rows=2)
    text = Batches(np.arange(40), context_tokens=5, rows=3)
    batch = Replayed(examples, text)[0]
    alone, below = examples[0], text[0]
    assert batch.ids.shape == (5, 5)
    assert torch.equal(batch.ids[:2, :2], alone.ids)
    assert torch.equal(batch.targets[:2, :2], alone.targets)
    assert (batch.targets[:2, 2:] == IGNORED).all()
    assert torch.equal(batch.ids[2:], below.ids)
    assert torch.equal(batch.targets[2:], below.targets)


@pytest.mark.slow
def test_the_loss_is_trl_s(tmp_path):
    """Which learns the completions alone, too, and takes the mean over their tokens."""
    pytest.importorskip("trl")
    rows = [
        {"prompt": "ab", "completion": "cde"},
        {"prompt": "xyz", "completion": "q"},
    ]
    model = tiny()
    trainer = sft_trainer(model, tmp_path, rows)
    batch = next(iter(trainer.get_train_dataloader()))
    theirs = trainer.compute_loss(trainer.model, dict(batch))
    targets = batch["labels"][:, 1:]
    ours = next_token_loss(model, Batch(batch["input_ids"][:, :-1], targets))
    assert ours.mean == pytest.approx(theirs.item(), abs=1e-6)
    said = (targets != IGNORED).sum(1).tolist()
    assert sorted(said) == [2, 4]  # with the token that ends each
