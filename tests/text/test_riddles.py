"""Riddles: their answers are right, they alone count, and a number fixes each batch."""

import numpy as np
import pytest
import torch

from insidegpt.text.batches import IGNORED
from insidegpt.text.riddles import (
    FILLERS,
    KEYS,
    MARK,
    RIDDLE_TOKENS,
    VALUES,
    WINDOW,
    Riddles,
    copying,
    parity,
    parity_aloud,
    recall,
    recall_apart,
    share_right,
)


def draw(seed=0):
    return np.random.default_rng(seed)


def answers(batch):
    """For each row, (place, answer) of everything that counts."""
    for row in batch.targets:
        places = (row != IGNORED).nonzero()[:, 0].tolist()
        yield [(place, row[place].item()) for place in places]


@pytest.mark.parametrize("pairs, gap", [(1, 0), (5, 0), (5, 9), (32, 3)])
def test_recall_asks_every_key_for_the_value_behind_it(pairs, gap):
    batch = recall(draw(), 7, pairs, gap)
    assert batch.ids.shape == (7, 4 * pairs + gap - 1)
    for ids, asked in zip(batch.ids.tolist(), answers(batch), strict=True):
        told = dict(zip(ids[0 : 2 * pairs : 2], ids[1 : 2 * pairs : 2], strict=True))
        assert len(told) == pairs and set(told) <= set(KEYS)
        assert all(value in VALUES for value in told.values())
        assert all(i in FILLERS for i in ids[2 * pairs : 2 * pairs + gap])
        assert len(asked) == pairs and {ids[place] for place, _ in asked} == set(told)
        assert all(told[ids[place]] == answer for place, answer in asked)


def test_keys_are_not_asked_in_the_order_in_which_they_were_told():
    batch = recall(draw(), 50, 6)
    same = batch.ids[:, 0] == batch.ids[:, 12]  # told first and asked first
    assert 0.0 < same.double().mean() < 0.4


def test_gaps_differ_and_fit_the_window():
    g = draw()
    lengths = {recall_apart(g, 1, 4).ids.shape[1] + 1 for _ in range(300)}
    assert min(lengths) == 16 and max(lengths) == WINDOW and len(lengths) > 40


@pytest.mark.parametrize("length", [1, 2, 9])
def test_copying_asks_for_each_letter_again(length):
    batch = copying(draw(), 5, length)
    for ids, asked in zip(batch.ids.tolist(), answers(batch), strict=True):
        assert ids[length] == MARK
        assert [place for place, _ in asked] == list(range(length, 2 * length))
        assert [answer for _, answer in asked] == ids[:length]


def test_parity_by_hand():
    """0 1 1 0 1: even, odd, even, even, odd; every place counts."""
    batch = parity(draw(), 200, 5)
    row = batch.ids.tolist().index([0, 1, 1, 0, 1])
    assert batch.targets[row].tolist() == [0, 1, 0, 0, 1]


def test_parity_aloud_is_the_same_with_the_answers_written_down():
    silent, aloud = (task(draw(), 6, 9) for task in (parity, parity_aloud))
    assert torch.equal(aloud.ids[:, 0::2], silent.ids)
    assert torch.equal(aloud.targets[:, 0::2], silent.targets + VALUES[0])
    assert (aloud.targets[:, 1::2] == IGNORED).all()
    assert torch.equal(aloud.ids[:, 1::2], aloud.targets[:, 0::2][:, :-1])


@pytest.mark.parametrize("task", [recall_apart, copying, parity, parity_aloud])
def test_a_batch_depends_on_seed_and_number_alone(task):
    one, two = (Riddles(task, sizes=(2, 5), rows=3, seed=4) for _ in range(2))
    two[0], two[9]
    assert torch.equal(one[7].ids, two[7].ids)
    assert torch.equal(one[7].targets, two[7].targets)
    others = Riddles(task, sizes=(2, 5), rows=3, seed=5)
    assert any(one[n].ids.tolist() != others[n].ids.tolist() for n in range(5))
    shapes = {one[n].ids.shape[1] for n in range(20)}
    assert len(shapes) > 1
    assert max(one[n].ids.max() for n in range(20)) < RIDDLE_TOKENS


def test_share_right_counts_answers_alone():
    """Two of three answers are right; the places between them don't matter."""
    batch = copying(draw(), 1, 3)
    logits = torch.zeros(1, 6, RIDDLE_TOKENS)
    for place, answer in next(answers(batch)):
        logits[0, place, answer if place < 5 else MARK] = 1.0
    assert share_right(logits, batch) == pytest.approx(2 / 3)


@pytest.mark.parametrize("pairs", [0, 33])
def test_more_pairs_than_keys_are_refused(pairs):
    with pytest.raises(ValueError, match=f"1..32, not {pairs}"):
        recall(draw(), 1, pairs)


@pytest.mark.parametrize("task", [copying, parity, parity_aloud])
def test_empty_riddles_are_refused(task):
    with pytest.raises(ValueError, match="at least 1"):
        task(draw(), 1, 0)


def test_a_gap_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="at most 16 pairs"):
        recall_apart(draw(), 1, 17)


def test_no_sizes_are_refused():
    with pytest.raises(ValueError, match="no sizes"):
        Riddles(parity, sizes=(), rows=1)
