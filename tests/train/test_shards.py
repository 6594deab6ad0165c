"""Parts that are kept come back as they were; damage and mistakes are named.

What two processes keep is tested beside their training, in test_parallel.
"""

import dataclasses

import pytest
import torch
from small_training import SHAPE, TEXT, fresh, weights

from insidegpt.model.gpt import GPT
from insidegpt.text.batches import Batches
from insidegpt.train import shards
from insidegpt.train.loop import TrainConfig, begin, train
from insidegpt.train.loss import next_token_loss

BATCHES = Batches(TEXT, context_tokens=8, rows=4)
CONFIG = TrainConfig(8, warmup=3)


def run(model, *, start=None, until=8, config=CONFIG):
    start = start or begin(model, config)
    for step in train(model, BATCHES, next_token_loss, config, start=start):
        if step.number + 1 == until:
            break
    return start._replace(done=until)


@pytest.mark.parametrize("matrix_lr", [0.02, None])
def test_a_resumed_training_ends_in_the_same_bits(tmp_path, matrix_lr):
    config = dataclasses.replace(CONFIG, matrix_lr=matrix_lr)
    whole = fresh()
    run(whole, config=config)
    shards.save(run(fresh(), until=5, config=config), tmp_path)
    model = GPT(SHAPE).double()
    start = shards.load(tmp_path, model, config)
    assert start.done == 5
    run(model, start=start, config=config)
    assert torch.equal(weights(model), weights(whole))


def test_only_the_last_is_kept_and_it_holds_no_pickle(tmp_path):
    for until in (1, 2):
        shards.save(run(fresh(), until=until), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000002"]
    files = list(tmp_path.rglob("*.*"))
    assert files and {path.suffix for path in files} == {".safetensors"}


def test_what_was_not_finished_does_not_count(tmp_path):
    shards.save(run(fresh(), until=1), tmp_path)
    (tmp_path / "step-00000002.unfinished").mkdir()
    assert shards.load(tmp_path, fresh(), CONFIG).done == 1
    shards.save(run(fresh(), until=2), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000002"]


def test_an_empty_directory_begins_anew(tmp_path):
    assert shards.load(tmp_path, fresh(), CONFIG) is None
    assert shards.load(tmp_path / "nowhere", fresh(), CONFIG) is None


def test_another_model_or_other_optimizers_are_refused(tmp_path):
    shards.save(run(fresh(), until=1), tmp_path)
    wider = GPT(dataclasses.replace(SHAPE, d_ff=40)).double()
    for model, config in (
        (wider, CONFIG),
        (fresh(), dataclasses.replace(CONFIG, matrix_lr=None)),
    ):
        with pytest.raises(ValueError, match="another model or other optimizers"):
            shards.load(tmp_path, model, config)


def test_a_damaged_file_is_named(tmp_path):
    shards.save(run(fresh(), until=1), tmp_path)
    (file,) = tmp_path.rglob("*.safetensors")
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError, match="can't be read as a training"):
        shards.load(tmp_path, fresh(), CONFIG)
