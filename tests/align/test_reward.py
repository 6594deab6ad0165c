"""A reward is read at a text's last token, and pairs push it apart."""

import math

import pytest
import torch
from small_align import tiny
from small_trl import reward_trainer
from torch import nn

from insidegpt.align.reward import (
    Comparisons,
    Pair,
    RewardModel,
    encode_pair,
    rate,
    reward_loss,
    whole_texts,
)
from insidegpt.align.sft import Example
from insidegpt.text.batches import IGNORED, Batch
from insidegpt.text.chat import encode_chat
from insidegpt.text.vocab import load_tokenizer
from insidegpt.train.loop import TrainConfig, train


def text(*ids):
    return Example(list(ids), [True] * len(ids))


@pytest.fixture
def grader():
    made = RewardModel(tiny())
    nn.init.normal_(made.score, generator=torch.Generator().manual_seed(3))
    return made


def test_by_hand():
    """Rewards 2 and 1: - log sigma(1) = log(1 + e^-1) = 0.3133."""

    class Fixed(RewardModel):
        def __init__(self):
            nn.Module.__init__(self)

        def forward(self, ids, targets):
            return torch.tensor([2.0, 1.0])

    loss = reward_loss(Fixed(), whole_texts([text(1, 3), text(2, 3)]))
    assert loss.total.item() == pytest.approx(math.log(1 + math.exp(-1)))
    assert loss.tokens == 1


def alone(grader, example):
    return grader(*whole_texts([example])).item()


def test_the_reward_is_that_of_the_text_alone(grader):
    """What counts is the last token, and padding after it does not."""
    texts = [text(1, 2, 3), text(4, 5, 6, 7, 8), text(1, 2), text(9, 1)]
    expected = [alone(grader, one) for one in texts]
    assert grader(*whole_texts(texts)).tolist() == pytest.approx(expected, abs=1e-10)
    assert alone(grader, text(1, 2, 4)) != pytest.approx(expected[0])


def test_by_hand_at_the_last_token_and_over_the_answer(grader):
    """The final norm's output times the score, and half a point a nat of belief."""
    nn.init.constant_(grader.belief, 0.5)
    ids, trunk = torch.tensor([[1, 2, 3, 4]]), grader.trunk
    last = trunk.norm(trunk.hidden(ids))[0, -1] @ grader.score
    sure = trunk(ids)[0].log_softmax(-1)
    example = Example([1, 2, 3, 4], [False, False, True, True])
    expected = last + 0.5 * (sure[1, 3] + sure[2, 4])
    assert alone(grader, example) == pytest.approx(expected.item(), abs=1e-10)


@pytest.mark.slow
def test_the_loss_is_trl_s_when_belief_does_not_count(tmp_path):
    """And so is its gradient: the reward at the last token, of the same weights."""
    pytest.importorskip("trl")
    rows = [
        {"prompt": "ab", "chosen": "cde", "rejected": "f"},
        {"prompt": "xyz", "chosen": "q", "rejected": "rstuv"},
    ]
    grader = RewardModel(tiny())
    trainer = reward_trainer(grader.trunk, tmp_path, rows)
    batch = next(iter(trainer.get_train_dataloader()))
    theirs = trainer.compute_loss(trainer.model, dict(batch))
    head = trainer.model.score.weight
    theirs.backward()
    grader.score.data = head.detach()[0].clone()
    ids, here = batch["input_ids"], batch["attention_mask"].bool()
    after = torch.where(here[:, 1:], ids[:, 1:], IGNORED)
    targets = torch.nn.functional.pad(after, (0, 1), value=IGNORED)
    ours = reward_loss(grader, Batch(ids, targets))
    (ours.total / ours.tokens).backward()
    # transformers' angles are float32, whatever the model is.
    assert ours.mean == pytest.approx(theirs.item(), abs=1e-6)
    assert ours.mean != pytest.approx(math.log(2), abs=1e-3)
    assert torch.allclose(grader.score.grad, head.grad[0], atol=1e-6)


def test_only_differences_count(grader):
    batch = whole_texts([text(1, 2), text(3, 4)])

    class Higher(RewardModel):
        def __init__(self):
            nn.Module.__init__(self)

        def forward(self, ids, targets):
            return grader(ids, targets) + 100

    one, other = reward_loss(grader, batch), reward_loss(Higher(), batch)
    assert one.total.item() == pytest.approx(other.total.item(), abs=1e-10)


def test_it_learns_which_ending_was_preferred():
    draw = torch.Generator().manual_seed(0)
    starts = torch.randint(250, (48, 4), generator=draw).tolist()
    pairs = [Pair(text(*s, 7, 9), text(*s, 8, 9)) for s in starts]
    model = RewardModel(tiny(spread=0.1))
    batches = Comparisons(pairs[:40], rows=8)
    for _ in train(model, batches, reward_loss, TrainConfig(40)):
        pass
    batch = Comparisons(pairs[40:], rows=8)[0]
    chosen, rejected = model(*batch).chunk(2)
    assert (chosen > rejected).all()


@pytest.mark.parametrize(
    "pairs, sentence",
    [
        ([], "no pairs"),
        ([Pair(text(1, 2), text(1, 2))], "same text"),
        ([Pair(text(1, 2), Example([1], [False]))], "empty answer"),
    ],
)
def test_pairs_that_teach_nothing_are_refused(pairs, sentence):
    with pytest.raises(ValueError, match=sentence):
        Comparisons(pairs, rows=1)


def test_ratings_are_those_of_single_readings(grader):
    draw = torch.Generator().manual_seed(4)
    lengths = (3, 7, 2, 7, 5)
    texts = [text(*torch.randint(16, (n,), generator=draw).tolist()) for n in lengths]
    singly = [alone(grader, one) for one in texts]
    assert rate(grader, texts, rows=2) == pytest.approx(singly, abs=1e-9)
    assert len(set(singly)) == len(texts)


def test_a_pair_learns_from_the_last_answer_alone():
    chat = load_tokenizer("src/insidegpt/checkpoints/mini")
    messages = [
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "Two."},
        {"role": "user", "content": "And?"},
    ]
    pair = encode_pair(chat, messages, "Three.", "I don't know that.")
    end = chat.end_ids[-1]
    for side, answer in zip(pair, ("Three.", "I don't know that."), strict=True):
        said = [i for i, learn in zip(side.ids, side.learn, strict=True) if learn]
        assert said == [*chat.encode(answer), end]
    shared = len(encode_chat(chat, messages))
    assert pair.chosen.ids[:shared] == pair.rejected.ids[:shared]
    with pytest.raises(ValueError, match="One of the two answers is empty"):
        encode_pair(chat, messages, "", "Three.")
