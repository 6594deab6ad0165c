"""Optimizers on one small model: their rates, their parts, and what Muon's shape does.

    python benchmarks/optimizers.py optimizers.json

Stored as optimizers.json of show/records, and shown on math/optimizers. 150 steps of
512 tokens a run, three worlds each: three or four seconds a run on a core, eight
minutes together. Every run is written to the file when it is done, and one that is
there already is not made again.
"""

import dataclasses
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import torch
from corpora import Material, prepare
from torch import Tensor
from torch.optim import Optimizer
from tqdm import tqdm

from insidegpt.model.config import PRESETS
from insidegpt.model.gpt import GPT
from insidegpt.text.batches import Batches
from insidegpt.train.loop import TrainConfig, Training, train
from insidegpt.train.loss import next_token_loss
from insidegpt.train.optim import AdamW, Muon, make_optimizers

STEPS, ROWS, CONTEXT_TOKENS = 150, 8, 64
SMALL = {"n_layers": 2, "d_model": 64, "d_ff": 176}
TABLES = 0.008  # AdamW's rate for tables and norms where the matrices have their own
Make = Callable[[GPT, float], list[Optimizer]]


class Shaped(Muon):
    """Muon whose update has singular values S^power, exactly, and a fixed length.

    power: 0 makes all of them equal, 1 leaves the mean gradient as it is. The length
    is always that of a matrix whose singular values are all 1.
    """

    def __init__(self, params, *, lr: float, power: float) -> None:
        super().__init__(params, lr=lr)
        self.power = power

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state["mean"] = torch.zeros_like(p)
                mean = state["mean"].lerp_(p.grad, 1 - group["momentum"])
                ahead = p.grad.lerp(mean, group["momentum"])
                update = shaped(ahead, self.power)
                tall = math.sqrt(max(1.0, p.shape[0] / p.shape[1]))
                p.add_(update, alpha=-group["lr"] * tall)


def shaped(matrix: Tensor, power: float) -> Tensor:
    """U S^power V' of a matrix U S V', as long as U V'."""
    if power != 1:
        u, s, v = torch.linalg.svd(matrix, full_matrices=False)
        matrix = u * s.clamp(min=1e-12) ** power @ v
    return matrix * (math.sqrt(min(matrix.shape)) / matrix.norm().clamp(min=1e-12))


class Uncorrected(AdamW):
    """AdamW that takes its two means as they are, from zero on."""

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if not self.state[p]:  # as if the corrections were over
                    state = self.state[p]
                    state["step"] = torch.full((), 1e6)
                    state["mean"], state["square"] = torch.zeros(2, *p.shape)
        super().step()


def whole_texts(kind: type, **settings) -> Make:
    """One optimizer and one rate for all parameters."""
    return lambda model, rate: [kind(model.parameters(), lr=rate, **settings)]


def inside(kind: type, **settings) -> Make:
    """An optimizer for the matrices of the blocks; tables and norms by AdamW."""

    def make(model: GPT, rate: float) -> list[Optimizer]:
        tables, matrices = make_optimizers(model, lr=TABLES, matrix_lr=rate)
        inner = matrices.param_groups[0]["params"]
        return [tables, kind(inner, lr=rate, **settings)]

    return make


SGD = torch.optim.SGD
WAYS: dict[str, Make] = {
    "SGD": whole_texts(SGD),
    "momentum": whole_texts(SGD, momentum=0.9),
    "AdamW": whole_texts(AdamW),
    "Muon": inside(Muon),
    "momentum inside": inside(SGD, momentum=0.9),
    "AdamW inside": inside(AdamW),
    "power 0": inside(Shaped, power=0),
    "power 0.5": inside(Shaped, power=0.5),
    "power 1": inside(Shaped, power=1),
    "Muon, weight decay": inside(Muon, weight_decay=0.1),
    "Muon, no momentum": inside(Muon, momentum=0.0),
    "AdamW, weight decay": lambda model, rate: make_optimizers(
        model, lr=rate, matrix_lr=None, weight_decay=0.5
    ),
    "AdamW, weight decay on all": whole_texts(AdamW, weight_decay=0.5),
    "AdamW, no momentum": whole_texts(AdamW, betas=(0.0, 0.95)),
    "AdamW, no correction": whole_texts(Uncorrected),
}
RATES = {
    "Muon": (0.005, 0.01, 0.02, 0.04, 0.08, 0.16),
    "AdamW": (0.001, 0.002, 0.004, 0.008, 0.016),
    "momentum": (0.05, 0.1, 0.2, 0.4, 0.8),
    "SGD": (0.125, 0.25, 0.5, 1.0, 2.0),
    "AdamW inside": (0.002, 0.004, 0.008),
    "momentum inside": (0.025, 0.05, 0.1),
    "power 1": (0.0025, 0.005, 0.01),
    "power 0.5": (0.0025, 0.005, 0.01, 0.02),
    "power 0": (0.005, 0.01, 0.02),
}
USED = {"Muon": 0.02, "AdamW": 0.004}  # near their best
BEST = {"Muon": 0.01, "AdamW": 0.008}  # of those in RATES
TAKEN = {  # settings of the loop, one changed at a time
    "no warmup": {"warmup": 0},
    "no clipping": {"clip": None},
    "no decay": {"decay": 0.0},
    "decay throughout": {"decay": 1.0},
}


def plan() -> Iterator[tuple[str, str, float, dict]]:
    """Every run of a world: its name, way, rate, and what is changed in the loop."""
    for way, rates in RATES.items():
        for rate in rates:
            yield f"{way} {rate}", way, rate, {}
    for way, rate in USED.items():
        for part, change in TAKEN.items():
            yield f"{way}, {part}", way, rate, change
        parts = ("weight decay", "weight decay on all", "no momentum", "no correction")
        for part in parts:
            if f"{way}, {part}" in WAYS:
                yield f"{way}, {part}", f"{way}, {part}", rate, {}
        for part, change in (("4 times", {}), ("4 times, no warmup", {"warmup": 0})):
            yield f"{way}, {part}", way, 4 * rate, change
    for way, rate in BEST.items():
        for part in ("no decay", "decay throughout", "no warmup"):
            yield f"{way} best, {part}", way, rate, TAKEN[part]
        yield f"{way} best, no momentum", f"{way}, no momentum", rate, {}


def material_of(seed: int) -> Material:
    """A world, in batches of 512 tokens."""
    material = prepare(seed)
    settings = {"context_tokens": CONTEXT_TOKENS, "rows": ROWS, "seed": seed}
    batches = Batches(material.batches.tokens, **settings)
    return dataclasses.replace(material, batches=batches)


def fresh(material: Material) -> GPT:
    """A model of two blocks that has read nothing."""
    return material.fresh(dataclasses.replace(PRESETS["mini"], **SMALL))


def run(material: Material, make: Make, rate: float, **settings) -> float | None:
    """Bits per byte on new documents after one training; None if it broke down."""
    model = fresh(material)
    config = TrainConfig(**{"steps": STEPS} | settings)
    start = Training(model, make(model, rate))
    loop = train(model, material.batches, next_token_loss, config, start=start)
    try:
        for _ in tqdm(loop, total=config.steps, leave=False):
            pass
    except FloatingPointError:
        return None
    return round(material.bits_per_byte(model.eval()), 4)


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--seeds", default=3, show_default=True)
@click.option("--only", default="", help="Names of runs that begin so.")
def main(path: Path, seeds: int, only: str) -> None:
    """Fill a JSON file with runs."""
    kept = json.loads(path.read_text("utf-8")) if path.exists() else {"runs": {}}
    kept["command"] = f"python benchmarks/optimizers.py {path.name} --seeds {seeds}"
    kept |= {"steps": STEPS, "tokens": ROWS * CONTEXT_TOKENS, "tables_rate": TABLES}
    for seed in range(seeds):
        material = material_of(seed)
        for name, way, rate, change in plan():
            done = kept["runs"].setdefault(name, [])
            if len(done) <= seed and name.startswith(only):
                done.append(run(material, WAYS[way], rate, **change))
                path.write_text(json.dumps(kept, separators=(",", ":")), "utf-8")


if __name__ == "__main__":
    main()
