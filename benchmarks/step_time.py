"""What three changes do to a training step of mini, none of which touches its maths.

    python benchmarks/step_time.py > src/insidegpt/show/records/step_time.json

Three kinds of step (as it is; with the norms of ``train.own_norm``; with compiled
blocks), each in two processes: one as it comes, and one whose C library keeps freed
memory. The six take their turns, one thread each, and are compared by the processor's
time, which a busy neighbour disturbs less than the clock's. Beside that, how far each
kind's gradients are from those in float64. Three minutes on a core; shown on
tools/pytorch.
"""

import json
import multiprocessing
import os
import platform
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

import click
import numpy as np
import torch

from insidegpt.measure.intervals import bootstrap
from insidegpt.model.config import PRESETS
from insidegpt.model.gpt import GPT
from insidegpt.text.batches import Batch
from insidegpt.train.loop import TrainConfig, begin, update
from insidegpt.train.loss import next_token_loss
from insidegpt.train.own_norm import use_own_norms

ROWS, TOKENS = 24, 128  # as mini is trained
KINDS = ("plain", "own norms", "compiled")
KEEP = {  # never give memory back to the system, and take small and large from one heap
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1),
}


def make(kind: str, dtype: torch.dtype = torch.float32) -> GPT:
    """A new ``mini``, changed in one way."""
    model = GPT(PRESETS["mini"], generator=torch.Generator().manual_seed(0)).to(dtype)
    if kind == "own norms":
        use_own_norms(model)
    if kind == "compiled":
        for block in model.blocks:
            block.compile()
    return model


def batch_of(rows: int = ROWS, tokens: int = TOKENS) -> Batch:
    """Random tokens; time doesn't depend on which."""
    draw = torch.Generator().manual_seed(0)
    text = torch.randint(1024, (rows, tokens + 1), generator=draw)
    return Batch(text[:, :-1], text[:, 1:])


def stepper(kind: str) -> Callable[[], None]:
    """One training step of a model of its own."""
    model, batch, config = make(kind), batch_of(), TrainConfig(1000)
    optimizers = begin(model, config).optimizers

    def step() -> None:
        loss = next_token_loss(model, batch)
        (loss.total / loss.tokens).backward()
        update(optimizers, 500, 0.0, config)

    return step


def measured(step: Callable[[], None]) -> dict[str, float]:
    """Seconds of a step, those that the system took for itself, and page faults."""
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.process_time()
    step()
    seconds, after = time.process_time() - start, resource.getrusage(0)
    return {
        "seconds": seconds,
        "system_s": after.ru_stime - before.ru_stime,
        "faults": after.ru_minflt - before.ru_minflt,
    }


def work(pipe, kind: str) -> None:
    """Take a step whenever asked to, and tell what it took."""
    torch.set_num_threads(1)
    step = stepper(kind)
    for _ in iter(pipe.recv, None):
        pipe.send(measured(step))


def by_turns(rounds: int) -> list[dict]:
    """A step of every kind in turn; who is first moves on by one each round."""
    context, workers = multiprocessing.get_context("spawn"), {}
    for memory, settings in {"as it comes": {}, "kept": KEEP}.items():
        os.environ |= settings
        for kind in KINDS:
            ours, theirs = context.Pipe()
            process = context.Process(target=work, args=(theirs, kind))
            process.start()
            workers[memory, kind] = (process, ours)

    def turn(cell):
        workers[cell][1].send("step")
        return workers[cell][1].recv()

    cells = list(workers)
    for cell in cells * 3:
        turn(cell)  # compiled, and warm
    runs = {cell: [] for cell in cells}
    for n in range(rounds):
        first = n % len(cells)
        for cell in cells[first:] + cells[:first]:
            runs[cell].append(turn(cell))
    for process, pipe in workers.values():
        pipe.send(None)
        process.join()
    return summary(runs)


def summary(runs: dict) -> list[dict]:
    """Of each cell: medians, and its speed as a multiple of the plain step's."""
    base = np.array([run["seconds"] for run in runs["as it comes", "plain"]])
    rows = []
    for (memory, kind), some in runs.items():
        seconds = np.array([run["seconds"] for run in some])
        ratio = bootstrap(np.log(base / seconds))
        rows.append(
            {
                "memory": memory,
                "kind": kind,
                "seconds": round(statistics.median(seconds), 4),
                "faster": [round(float(np.exp(x)), 3) for x in ratio],
                "system_share": round(
                    sum(run["system_s"] for run in some) / sum(seconds), 3
                ),
                "faults": statistics.median(run["faults"] for run in some),
            }
        )
    return rows


def gradients(kind: str, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """All gradients of the batch, end to end."""
    model = make(kind, dtype)
    loss = next_token_loss(model, batch_of())
    (loss.total / loss.tokens).backward()
    return torch.cat([p.grad.double().flatten() for p in model.parameters()])


def rounding() -> dict[str, dict[str, float]]:
    """Distance to the float64 gradient, relative to its length, and seconds.

    Those of the compiled kind are mostly the compiler's, which keeps its result for
    the processes that come later.
    """
    exact, found = gradients("plain", torch.float64), {}
    for kind in KINDS:
        start = time.perf_counter()
        apart = (gradients(kind) - exact).norm() / exact.norm()
        found[kind] = {"apart": float(apart), "first_s": time.perf_counter() - start}
    return found


@click.command()
@click.option("--rounds", default=30, show_default=True)
def main(rounds: int) -> None:
    """Print one JSON document."""
    torch.set_num_threads(1)
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
    cache = os.environ["TORCHINDUCTOR_CACHE_DIR"] = tempfile.mkdtemp()
    found = {
        "command": f"python benchmarks/step_time.py --rounds {rounds}",
        "cpu": platform.processor() or platform.machine(),
        "isa": torch.backends.cpu.get_cpu_capability(),
        "rounds": rounds,
        "rounding": rounding(),
        "steps": by_turns(rounds),
    }
    shutil.rmtree(cache, ignore_errors=True)
    json.dump(found, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
