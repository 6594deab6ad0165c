"""A training that was kept goes on to the same bits; damage is named."""

import dataclasses
import subprocess
import sys
import time

import pytest
import torch
from small_training import SHAPE, TEXT, fresh, weights

from insidegpt.model.gpt import GPT
from insidegpt.text.batches import Batches
from insidegpt.train import state
from insidegpt.train.loop import TrainConfig, begin, train
from insidegpt.train.loss import next_token_loss

CONFIG = TrainConfig(12, warmup=3)
BATCHES = Batches(TEXT, context_tokens=8, rows=4)


def run(model, *, start=None, until=12, config=CONFIG):
    """Train up to a step, and give back the training as it is then."""
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
    path = tmp_path / "state.safetensors"
    state.save(run(fresh(), until=5, config=config), path)
    model = GPT(SHAPE).double()  # other weights, before it is loaded
    start = state.load(path, model, config)
    assert start.done == 5
    run(model, start=start, config=config)
    assert torch.equal(weights(model), weights(whole))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_file_cut_short_is_named(tmp_path):
    path = tmp_path / "state.safetensors"
    state.save(run(fresh(), until=1), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="can't be read as a training"):
        state.load(path, fresh(), CONFIG)


def test_another_model_or_other_optimizers_are_refused(tmp_path):
    path = tmp_path / "state.safetensors"
    state.save(run(fresh(), until=1), path)
    wider = GPT(dataclasses.replace(SHAPE, d_ff=40)).double()
    with pytest.raises(ValueError, match="a model of another shape"):
        state.load(path, wider, CONFIG)
    other = dataclasses.replace(CONFIG, matrix_lr=None)
    with pytest.raises(ValueError, match="other optimizers"):
        state.load(path, fresh(), other)


LOOP = """
import sys
from pathlib import Path
from test_state import CONFIG, BATCHES, fresh, next_token_loss, begin, train, state
path = Path(sys.argv[1])
model = fresh()
start = state.load(path, model, CONFIG) if path.exists() else begin(model, CONFIG)
for step in train(model, BATCHES, next_token_loss, CONFIG, start=start):
    state.save(start._replace(done=step.number + 1), path)
    print(step.number, flush=True)
"""


@pytest.mark.slow
def test_killed_while_it_saves_it_goes_on_to_the_same_bits(tmp_path):
    """Killed at four moments (make verify: twenty more), then left to end."""
    path = tmp_path / "state.safetensors"
    kill_and_resume(path, moments=[0.0, 0.001, 0.003, 0.006])
    model = fresh()
    assert state.load(path, model, CONFIG).done == CONFIG.steps
    whole = fresh()
    run(whole)
    assert torch.equal(weights(model), weights(whole))


@pytest.mark.exhaustive
def test_killed_at_twenty_moments_it_goes_on_to_the_same_bits(tmp_path):
    path = tmp_path / "state.safetensors"
    kill_and_resume(path, moments=torch.rand(20).mul(0.02).tolist())
    model, whole = fresh(), fresh()
    assert state.load(path, model, CONFIG).done == CONFIG.steps
    run(whole)
    assert torch.equal(weights(model), weights(whole))


def kill_and_resume(path, moments):
    """Start LOOP once more for each moment, and kill it so long after a step."""
    folders = ["tests", "tests/train"]
    code = f"import sys; sys.path[:0] = {folders}\n{LOOP}"
    command = [sys.executable, "-c", code, str(path)]
    for moment in moments:
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(moment)
            process.kill()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
