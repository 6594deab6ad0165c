"""A race: from nothing to a model of a text in a fixed time on two cores.

    make speedrun TEXT=tinyshakespeare.txt PEER=nanoGPT

The text is cut as nanoGPT cuts it: nine tenths to learn from, the last tenth to be
measured on, all of it, every character once, after at least ``SCORED_AFTER`` others.
Everything counts against the clock but reading the file and scoring. Without --text the
race is on bytes of the documentation of the pinned packages, whose last package is held
out. Records are in SPEEDRUN.md.

The published CPU recipe of nanoGPT runs in the same way, in the same minutes, where a
checkout is given by --peer, and says how fast this machine is; --seconds 0 gives our
runs as long as that took.
"""

import dataclasses
import json
import math
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import torch
from nanogpt_peer import copy_of, train_as_published, trained
from torch import nn
from tqdm import tqdm

from insidegpt.measure.likelihood import text_logprobs
from insidegpt.model.config import GPTConfig
from insidegpt.model.gpt import GPT
from insidegpt.text.batches import Batches
from insidegpt.text.corpus import documentation
from insidegpt.train.loop import TrainConfig, train
from insidegpt.train.loss import next_token_loss

SCORED_AFTER = 64  # characters, but at the beginning: half of our context
TRIED_STEPS = 8  # of a model that is thrown away, to know how many steps fit
SPARE = 0.97  # of the time: the last steps may be slower


@dataclasses.dataclass(frozen=True)
class Entry:
    """What may be tried: a shape and a way to train it."""

    shape: GPTConfig
    rows: int
    training: TrainConfig  # its number of steps is what the time allows


def entry(vocab_size: int) -> Entry:
    """The record so far."""
    sizes = (vocab_size, 128, 4, 128, 4, 4, 352)
    kind = {"rope_base": 1e4, "rms_eps": 1e-5, "mlp": "swiglu", "bias": "none"}
    shape = GPTConfig(*sizes, qk_norm=True, **kind)
    training = TrainConfig(1, lr=4e-3, matrix_lr=0.02)
    return Entry(shape, 32, training)


def texts(path: Path | None) -> tuple[np.ndarray, np.ndarray, int]:
    """Ids to learn from, ids to be measured on, and how many there may be."""
    if path is None:
        halves = ["\n\n".join(half).encode() for half in documentation()]
        learned, measured = (np.frombuffer(half, np.uint8) for half in halves)
        return learned.astype(np.uint16), measured.astype(np.uint16), 256
    text = path.read_text("utf-8")
    ids = {character: n for n, character in enumerate(sorted(set(text)))}
    row = np.array([ids[character] for character in text], np.uint16)
    cut = int(0.9 * len(row))
    return row[:cut], row[cut:], len(ids)


def fresh(shape: GPTConfig, seed: int) -> GPT:
    return GPT(shape, generator=torch.Generator().manual_seed(seed))


def race(tokens: np.ndarray, chosen: Entry, seconds: float, seed: int) -> dict:
    """One training in the time given, and the model that came out of it."""
    began = time.perf_counter()
    shape = {"context_tokens": chosen.shape.context_tokens, "rows": chosen.rows}
    batches = Batches(tokens, **shape, seed=seed)
    tried = dataclasses.replace(chosen.training, steps=TRIED_STEPS)
    loop = train(fresh(chosen.shape, seed), batches, next_token_loss, tried)
    each = sorted(step.seconds for step in loop)[TRIED_STEPS // 2]
    left = seconds - (time.perf_counter() - began)
    config = dataclasses.replace(
        chosen.training, steps=max(2, int(SPARE * left / each))
    )
    model, done = fresh(chosen.shape, seed), 0
    loop = train(model, batches, next_token_loss, config)
    for step in tqdm(loop, total=config.steps, leave=False):
        done = step.number + 1
        if time.perf_counter() - began > seconds:
            break
    used = round(time.perf_counter() - began, 1)
    read = done * batches.tokens_per_batch
    told = {"steps": done, "planned": config.steps, "seconds": used}
    return told | {"characters_read": read, "model": model.eval()}


def loss_of(model: nn.Module, ids: np.ndarray, context_tokens: int) -> float:
    """Nats a character of a whole text; its windows overlap by half."""
    scores = text_logprobs(model, ids.tolist(), context_tokens=context_tokens)
    return -scores.double().mean().item()


def peer_result(checkout: Path, text: Path, measured: np.ndarray) -> dict:
    """nanoGPT's recipe: its time, and its loss as ours is measured."""
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of(checkout, text, Path(folder))
        seconds = train_as_published(copy)
        model = trained(copy)
    loss = loss_of(model, measured, model.model.config.block_size)
    return {"seconds": round(seconds, 1), "loss": round(loss, 4)}


@click.command()
@click.option("--text", type=click.Path(path_type=Path, exists=True))
@click.option("--peer", type=click.Path(path_type=Path, exists=True))
@click.option("--seconds", default=300.0, show_default=True, help="0: the peer's.")
@click.option("--seeds", default=3, show_default=True)
def main(text: Path | None, peer: Path | None, seconds: float, seeds: int) -> None:
    """Print one JSON document."""
    learned, measured, vocab_size = texts(text)
    found: dict = {"threads": torch.get_num_threads()}
    if peer and text:
        found["nanoGPT"] = peer_result(peer, text, measured)
    if not seconds:
        seconds = found["nanoGPT"]["seconds"]
    chosen = entry(vocab_size)
    runs = []
    for seed in range(seeds):
        run = race(learned, chosen, seconds, seed)
        loss = loss_of(run.pop("model"), measured, chosen.shape.context_tokens)
        runs.append(
            run | {"loss": round(loss, 4), "bits": round(loss / math.log(2), 4)}
        )
        print(json.dumps(runs[-1]), file=sys.stderr)
    json.dump(found | {"seconds": seconds, "runs": runs}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
