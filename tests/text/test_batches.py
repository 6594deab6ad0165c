"""Batches: what an epoch reads, and that each is a function of its number."""

import numpy as np
import pytest

from insidegpt.text.batches import Batches, load_tokens, save_tokens, tokenize

TEXT = np.arange(1000, dtype=np.uint16)


def test_targets_are_the_tokens_that_follow():
    batch = Batches(TEXT, context_tokens=8, rows=4)[3]
    assert batch.ids.shape == batch.targets.shape == (4, 8)
    assert (batch.targets == batch.ids + 1).all()


def test_an_epoch_reads_nearly_every_token_once():
    batches = Batches(TEXT, context_tokens=8, rows=4)
    whole = batches.windows // batches.rows
    read = np.concatenate([batches[n].targets.flatten() for n in range(whole)])
    assert len(set(read.tolist())) == len(read) >= 1000 - 8 * (1 + batches.rows)


def test_epochs_differ_in_order_and_in_where_windows_begin():
    batches = Batches(TEXT, context_tokens=8, rows=1)
    epochs = [
        [batches[e * batches.windows + n].ids[0, 0].item() for n in range(9)]
        for e in range(3)
    ]
    assert epochs[0] != epochs[1] != epochs[2]
    assert len({start % 8 for starts in epochs for start in starts}) > 1


def test_a_batch_depends_on_seed_and_number_alone():
    some = Batches(TEXT, context_tokens=8, rows=4, seed=5)
    late = [some[n].ids for n in (0, 300, 7)]
    again = Batches(TEXT, context_tokens=8, rows=4, seed=5)
    assert all(
        (again[n].ids == ids).all() for n, ids in zip((0, 300, 7), late, strict=True)
    )
    assert (Batches(TEXT, context_tokens=8, rows=4)[0].ids != late[0]).any()


@pytest.mark.parametrize("tokens", [9, 10, 16, 17, 18])
def test_the_shortest_texts_make_batches(tokens):
    batch = Batches(TEXT[:tokens], context_tokens=8, rows=3)[11]
    assert batch.targets.max() < tokens


@pytest.mark.parametrize("tokens", [0, 1, 8])
def test_a_text_shorter_than_a_window_is_refused(tokens):
    with pytest.raises(ValueError, match=f"{tokens} tokens is too short"):
        Batches(TEXT[:tokens], context_tokens=8, rows=1)


def test_texts_are_joined_with_an_end_after_each(tokenizer):
    ids = tokenize(tokenizer, ["one two", "three"], end=0)
    assert ids.dtype == np.uint16 and ids.tolist().count(0) == 2 and ids[-1] == 0
    assert tokenizer.decode([i for i in ids.tolist() if i]) == "one twothree"


def test_no_text_is_refused(tokenizer):
    with pytest.raises(ValueError, match="no text to train on"):
        tokenize(tokenizer, [], end=0)


def test_saved_tokens_are_mapped_and_equal(tmp_path):
    path = tmp_path / "train.npy"
    save_tokens(TEXT, path)
    tokens = load_tokens(path)
    assert isinstance(tokens, np.memmap) and (tokens == TEXT).all()
    assert [p.name for p in tmp_path.iterdir()] == ["train.npy"]
