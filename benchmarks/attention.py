"""Train a small model with the scores of attention divided by sqrt(D), or not at all.

    python benchmarks/attention.py > attention.json

Stored as attention.json of show/records, and shown on math/attention: two blocks with
one wide head each, so that sqrt(D) is 16, six ways to begin and to scale, in three
worlds each. A minute or two each on a core.
"""

import dataclasses
import json
import math
import sys
from typing import NamedTuple

import click
import torch
from corpora import Material, prepare
from tqdm import tqdm

from insidegpt.model.config import PRESETS
from insidegpt.model.gpt import GPT
from insidegpt.train.loop import TrainConfig, train
from insidegpt.train.loss import next_token_loss

WIDTH = 256  # D
SHAPE = {"n_layers": 2, "n_heads": 1, "n_kv_heads": 1, "head_width": WIDTH}
ROOT = math.sqrt(WIDTH)
ADAMW, ROWS = 0.004, 8  # the rate as in ingredients.py


class Way(NamedTuple):
    """How a training begins, and what is done to its scores."""

    scale: float = 1.0  # of the scores, which the model has divided by sqrt(D)
    unit: bool = False  # numbers of queries and keys begin at size 1
    query: float = 1.0  # of the first query matrix
    key: float = 1.0  # of the first key matrix


# The last three begin as the same function as the second (the last as the fourth) and
# differ in their steps: beside a matrix that is 16 times as large, AdamW's steps are 16
# times smaller.
WAYS = {
    "usual, divided": Way(),
    "usual, not": Way(scale=ROOT),
    "unit, divided": Way(unit=True),
    "unit, not": Way(scale=ROOT, unit=True),
    "large queries": Way(query=ROOT),
    "short steps": Way(scale=1 / ROOT, query=ROOT, key=ROOT),
    "unit, short steps": Way(scale=1 / ROOT, unit=True, query=ROOT, key=ROOT),
}


def fresh(material: Material, way: Way) -> GPT:
    """A model that has read nothing, with its scores scaled."""
    config = dataclasses.replace(PRESETS["mini"], qk_norm=False, **SHAPE)
    model = material.fresh(config)
    size = 1 / (0.02 * math.sqrt(config.d_model)) if way.unit else 1.0
    for block in model.blocks:
        layer = block.attention
        with torch.no_grad():
            layer.query.weight.mul_(size * way.query)
            layer.key.weight.mul_(size * way.key)
        layer.query.register_forward_hook(lambda _, inputs, output: way.scale * output)
    return model


@torch.inference_mode()
def spread(model: GPT, material: Material) -> float:
    """Standard deviation of a row of scores as the softmax sees them, in block 0."""
    ids = material.batches[0].ids[:4]
    T = ids.shape[1]
    x, rope = model.start(ids, torch.arange(T)[None])
    block = model.blocks[0]
    q, k, _ = block.attention.project(block.norm1(x), rope)
    scores = q @ k.transpose(-2, -1) / math.sqrt(WIDTH)  # (B, 1, T, T)
    rows = [scores[..., t, : t + 1] for t in range(16, T)]  # each sees the past
    return torch.stack([row.std(-1).mean() for row in rows]).mean().item()


def run(material: Material, steps: int, way: Way) -> dict[str, float]:
    """One training: how far the scores spread before and after it, and its losses."""
    model = fresh(material, way)
    before = spread(model, material)
    config = TrainConfig(steps=steps, lr=ADAMW, matrix_lr=None)
    loop = train(model, material.batches, next_token_loss, config)
    losses = [step.loss for step in tqdm(loop, total=steps, leave=False)]
    model.eval()
    return {
        "before": round(before, 3),
        "after": round(spread(model, material), 3),
        "losses": [round(loss, 3) for loss in losses[:: max(1, steps // 30)]],
        "bits_per_byte": round(material.bits_per_byte(model), 4),
    }


@click.command()
@click.option("--seeds", default=3, show_default=True)
@click.option("--steps", default=200, show_default=True)
@click.option("--ways", default="; ".join(WAYS), help="Which, with '; ' between.")
def main(seeds: int, steps: int, ways: str) -> None:
    """Print one JSON document."""
    command = f"python benchmarks/attention.py --seeds {seeds} --steps {steps}"
    runs = []
    for seed in range(seeds):
        material = prepare(seed, rows=ROWS)
        for name in ways.split("; "):
            found = run(material, steps, WAYS[name])
            runs.append({"seed": seed, "way": name} | found)
    json.dump({"command": command, "d_head": WIDTH, "runs": runs}, sys.stdout)


if __name__ == "__main__":
    main()
