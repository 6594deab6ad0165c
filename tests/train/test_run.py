"""A training in a directory is stopped, killed and spoiled, and goes on."""

import dataclasses
import multiprocessing
import random

import pytest
import torch
from small_training import SHAPE
from torch import nn

from insidegpt.model.checkpoint import load_checkpoint
from insidegpt.train import run as room
from insidegpt.train import state
from insidegpt.train.loop import TrainConfig
from insidegpt.train.material import END, TURN
from insidegpt.train.recipe import Recipe, Source
from insidegpt.train.run import carry_out, held_out_loss, prepare

TEXTS = [f"The number {n} is followed by {n + 1}, as ever." for n in range(200)]


@pytest.fixture
def recipe(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for n, text in enumerate(TEXTS):
        (folder / f"{n:03}.txt").write_text(text)
    source = Source(str(folder), vocab_size=300, context_tokens=16, rows=4)
    model = dataclasses.replace(SHAPE, vocab_size=300)
    return Recipe(source, model, TrainConfig(24, warmup=2), report_every=5)


def weights_in(directory):
    with state.safe_open(directory / "training.safetensors", framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def same_weights(one, other):
    assert one.keys() == other.keys()
    return all(torch.equal(one[name], other[name]) for name in one)


def finish(recipe, directory):
    return list(carry_out(prepare(recipe, directory)))


def test_a_training_learns_and_its_directory_is_a_model(recipe, tmp_path):
    reports = finish(recipe, tmp_path / "out")
    measured = [(r.step.number + 1, r.held_out) for r in reports if r.held_out]
    assert [number for number, _ in measured] == [5, 10, 15, 20, 24]
    assert measured[-1][1] < measured[0][1] - 0.5
    model, tokenizer = load_checkpoint(tmp_path / "out")
    assert tokenizer.begin_ids == (tokenizer.special[END],)
    assert tokenizer.end_ids == (tokenizer.special[END], tokenizer.special[TURN[1]])
    again = prepare(recipe, tmp_path / "out")
    loss = held_out_loss(model, again.held_out, recipe.source)
    assert loss == pytest.approx(measured[-1][1], abs=1e-6)
    assert again.training.done == 24 and list(carry_out(again)) == []


def test_held_out_loss_scores_every_window_once(recipe, tmp_path):
    """Uniform logits: ln 300 a token, whatever the windows."""
    job = prepare(recipe, tmp_path / "out")
    nn.init.zeros_(job.training.model.embed.weight)
    loss = held_out_loss(job.training.model, job.held_out, recipe.source)
    assert loss == pytest.approx(torch.tensor(300.0).log().item(), abs=1e-5)


@pytest.mark.parametrize("at", [1, 5, 7, 23])
def test_who_stops_between_steps_loses_none(recipe, tmp_path, at):
    finish(recipe, tmp_path / "whole")
    steps = carry_out(prepare(recipe, tmp_path / "cut"))
    for _ in range(at):
        next(steps)
    steps.close()
    job = prepare(recipe, tmp_path / "cut")
    assert job.training.done == at
    assert [r.step.number for r in carry_out(job)] == list(range(at, 24))
    pair = [weights_in(tmp_path / name) for name in ("whole", "cut")]
    assert same_weights(*pair)


def killed_at_random(recipe, directory, draw, kills):
    """Start a training and kill it, again and again, then let it come to its end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["insidegpt.train.run"])
    done = 0
    while done < kills:
        process = context.Process(target=finish, args=(recipe, directory))
        process.start()
        process.join(draw.uniform(0.05, 0.8))
        done += process.is_alive()
        finished = process.exitcode == 0
        process.kill()
        process.join()
        if finished:
            break
    finish(recipe, directory)
    return done


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.exhaustive)])
def test_killed_at_random_moments_it_ends_in_the_same_bits(recipe, tmp_path, kills):
    """Every step is kept, so that many kills fall into the writing of a file."""
    recipe = dataclasses.replace(
        recipe, report_every=1, training=TrainConfig(60 * kills, warmup=2)
    )
    finish(recipe, tmp_path / "whole")
    killed = killed_at_random(recipe, tmp_path / "cut", random.Random(kills), kills)
    assert killed >= min(kills, 3)
    pair = [weights_in(tmp_path / name) for name in ("whole", "cut")]
    assert same_weights(*pair)
    names = [{p.name for p in (tmp_path / n).iterdir()} for n in ("whole", "cut")]
    leftover = {name for name in names[1] - names[0] if not name.endswith("unfinished")}
    assert names[0] <= names[1] and not leftover


def test_a_directory_of_another_recipe_is_left_alone(recipe, tmp_path):
    finish(recipe, tmp_path / "out")
    before = weights_in(tmp_path / "out")
    other = dataclasses.replace(recipe, training=TrainConfig(9))
    with pytest.raises(ValueError, match="training.steps is 24 there and 9 here"):
        prepare(other, tmp_path / "out")
    assert same_weights(before, weights_in(tmp_path / "out"))


def test_a_loss_that_is_no_number_ends_it_and_the_steps_before_are_kept(
    recipe, tmp_path, monkeypatch
):
    real, calls = room.next_token_loss, []

    def breaks(model, batch):
        calls.append(1)
        loss = real(model, batch)
        return (
            loss._replace(total=loss.total * float("nan")) if len(calls) > 7 else loss
        )

    monkeypatch.setattr(room, "next_token_loss", breaks)
    recipe = dataclasses.replace(recipe, report_every=100)
    steps = carry_out(prepare(recipe, tmp_path / "out"))
    with pytest.raises(FloatingPointError, match="Step 7 has a loss of nan"):
        list(steps)
    assert prepare(recipe, tmp_path / "out").training.done == 7


def test_a_full_disk_leaves_what_was_kept_before(recipe, tmp_path, monkeypatch):
    steps = carry_out(prepare(recipe, tmp_path / "out"))
    for _ in range(6):
        next(steps)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(state, "save_file", full)
    with pytest.raises(OSError, match="No space left"):
        list(steps)
    monkeypatch.undo()
    assert prepare(recipe, tmp_path / "out").training.done == 5
