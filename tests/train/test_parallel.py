"""Two processes train what one would have trained; one that dies is named."""

import json
import os
import subprocess
import sys

import pytest
import torch
from small_training import fresh, weights
from support import ROOT
from two_processes import BATCHES, CONFIGS, alone

from insidegpt.text.batches import IGNORED
from insidegpt.train import shards
from insidegpt.train.parallel import Place, Share, together

WAYS = [f"{how}-{name}" for how in ("replicate", "shard") for name in CONFIGS]


def torchrun(folder, plan, *options):
    """Both processes to their end; what torchrun and they said."""
    program = ROOT / "tests" / "two_processes.py"
    two = ["--standalone", "--nproc-per-node", "2", *options]
    launch = [sys.executable, "-m", "torch.distributed.run", *two]
    # A restarted process must not be given the address of one that is gone.
    settings = {"OMP_NUM_THREADS": "1", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [*launch, str(program), str(folder), plan],
        env=os.environ | settings | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=240,
    )


def told(folder):
    return [json.loads((folder / f"told-{rank}.json").read_text()) for rank in (0, 1)]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Where two processes trained in every way, and what they told."""
    folder = tmp_path_factory.mktemp("pair")
    done = torchrun(folder, "everything")
    assert done.returncode == 0, done.stderr
    return folder, told(folder)


def test_batches_are_uneven_and_one_is_empty():
    """Otherwise an average of means would pass the tests below."""
    counts = [int((BATCHES[n].targets != IGNORED).sum()) for n in range(4)]
    assert counts == [16, 4, 0, 16]


def test_shares_are_the_batches_taken_in_turn():
    shares = [Share(list("abcdef"), Place(rank, 2)) for rank in (0, 1)]
    assert [shares[0][n] + shares[1][n] for n in range(3)] == ["ab", "cd", "ef"]


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_two_processes_train_what_one_does(pair, way):
    folder, (first, second) = pair
    config = CONFIGS[way.split("-")[1]]
    losses, expected = alone(config)
    model = fresh()
    assert shards.load(folder / way, model, config).done == config.steps
    assert (weights(model) - expected).abs().max() < 1e-12
    assert first[way]["losses"] == second[way]["losses"]
    assert first[way]["losses"] == pytest.approx(losses, abs=1e-12)


@pytest.mark.slow
def test_a_shard_is_half_and_a_copy_is_whole(pair):
    _, (first, second) = pair
    whole = len(weights(fresh()))
    assert first["replicate-adamw"]["local"] == whole
    halves = [each["shard-adamw"]["local"] for each in (first, second)]
    assert halves == [whole // 2, whole // 2]


@pytest.mark.slow
def test_one_of_two_killed_is_named_and_both_go_on_to_the_same_weights(tmp_path):
    # torchrun ends the other one, too, when it looks: give it the time to say a word.
    watch = ("--max-restarts", "1", "--monitor-interval", "3")
    done = torchrun(tmp_path, "killed", *watch)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("Process")]
    assert len(said) == 1 and "another one is gone. What was saved is whole" in said[0]
    assert "Traceback" not in done.stderr
    losses, expected = alone(CONFIGS["adamw"])
    assert told(tmp_path)[0]["losses"] == pytest.approx(losses[3:], abs=1e-12)
    model = fresh()
    shards.load(tmp_path, model, CONFIGS["adamw"])
    assert (weights(model) - expected).abs().max() < 1e-12
    kept = sorted(path.name for path in tmp_path.iterdir() if path.is_dir())
    assert kept == ["step-00000009"]


def test_a_program_without_torchrun_says_how_to_start_it(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(RuntimeError, match="start it by `torchrun"), together():
        pass


def test_another_fault_of_a_program_stays_what_it_is(monkeypatch, tmp_path):
    with pytest.raises(RuntimeError, match="of its own"), one_process(monkeypatch):
        raise RuntimeError("of its own")
    assert not torch.distributed.is_initialized()


def test_a_lost_connection_is_one_sentence(monkeypatch):
    with pytest.raises(SystemExit, match="Process 0 of 1 stops"):  # noqa: SIM117
        with one_process(monkeypatch):
            raise RuntimeError("[pair.cc:547] Connection closed by peer [127.0.0.1]")


def one_process(monkeypatch):
    """``together`` with nobody else."""
    here = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1"}
    for name, value in (here | {"MASTER_PORT": "0"}).items():
        monkeypatch.setenv(name, value)
    return together(timeout_s=20)
