"""What each of two processes does, started by torchrun: python this FOLDER PLAN."""

import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import torch  # noqa: E402
from small_training import TEXT, fresh, weights  # noqa: E402

from insidegpt.text.batches import IGNORED, Batch, Batches  # noqa: E402
from insidegpt.train import shards  # noqa: E402
from insidegpt.train.loop import TrainConfig, begin, train  # noqa: E402
from insidegpt.train.loss import next_token_loss  # noqa: E402
from insidegpt.train.parallel import (  # noqa: E402
    Share,
    average,
    replicate,
    shard,
    together,
)


class Uneven(Batches):
    """Batch 0 is whole, 1 is masked but for a quarter, 2 is masked altogether."""

    def __getitem__(self, number):
        ids, targets = super().__getitem__(number)
        targets = targets.clone()
        targets[:, : (0, 6, 8)[number % 3]] = IGNORED
        return Batch(ids, targets)


BATCHES = Uneven(TEXT, context_tokens=8, rows=2)
CONFIGS = {
    "adamw": TrainConfig(9, warmup=3, matrix_lr=None, weight_decay=0.1),
    "muon": TrainConfig(9, warmup=3, weight_decay=0.1),
    "accumulated": TrainConfig(6, warmup=3, accumulate=2),
}


def trained(place, how, config, folder, *, save_at=(), die_at=None):
    """Train by ``replicate`` or ``shard``; losses, and the trained model."""
    model = fresh()
    if how == "shard":
        shard(model)
    start = shards.load(folder, model, config) or begin(model, config)
    spread = replicate(model) if how == "replicate" else model
    settings = {"start": start, "average": average}
    share, losses = Share(BATCHES, place), []
    for step in train(spread, share, next_token_loss, config, **settings):
        losses.append(step.loss)
        if step.number + 1 in save_at:
            shards.save(start._replace(done=step.number + 1), folder)
        if step.number + 1 == die_at and place.rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
    return losses, model


def everything(place, folder):
    """Both ways with every configuration."""
    told = {}
    for how in ("replicate", "shard"):
        for name, config in CONFIGS.items():
            where = folder / f"{how}-{name}"
            losses, model = trained(
                place, how, config, where, save_at=(4, config.steps)
            )
            about = {"losses": losses, "local": len(own(model))}
            told[f"{how}-{name}"] = about
    return told


def own(model):
    """What of all parameters this process has."""
    parts = (p.to_local() if hasattr(p, "to_local") else p for p in model.parameters())
    return torch.cat([part.detach().flatten() for part in parts])


def killed(place, folder):
    """Saved after 3 steps, killed after 5, and on the second start to the end."""
    first = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
    settings = {"save_at": (3, 9), "die_at": 5 if first else None}
    losses, _ = trained(place, "shard", CONFIGS["adamw"], folder, **settings)
    return {"losses": losses}


def alone(config):
    """One process with all batches."""
    import dataclasses

    model = fresh()
    config = dataclasses.replace(config, accumulate=2 * config.accumulate)
    steps = list(train(model, BATCHES, next_token_loss, config))
    return [step.loss for step in steps], weights(model)


if __name__ == "__main__":
    folder, plan = Path(sys.argv[1]), {"everything": everything, "killed": killed}
    with together(timeout_s=60) as place:
        told = plan[sys.argv[2]](place, folder)
        (folder / f"told-{place.rank}.json").write_text(json.dumps(told))
