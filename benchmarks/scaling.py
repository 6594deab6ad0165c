"""Train models of many sizes for many lengths of time, to fit a law of their loss.

    python benchmarks/scaling.py rates --into RUNS     # which learning rate
    python benchmarks/scaling.py sweep --into RUNS --seeds 2     # sizes and lengths
    python benchmarks/scaling.py predict --into RUNS > scaling_prediction.json
    python benchmarks/scaling.py larger --into RUNS    # what was predicted
    python benchmarks/scaling.py collect --into RUNS > scaling.json

RUNS is a folder: tokens, and a line of JSON for each finished training, so that a
sweep that was stopped goes on where it was. Stored as scaling.json of show/records, and
shown on math/scaling-laws; scaling_prediction.json beside it was made and committed
before the larger training began. About 45 minutes on a core.

A size and a seed are trained once, at a constant rate. At several lengths a copy is
branched off, whose rate falls to zero over the last fifth of that length, which makes
one long training do for several (Haegele et al. 2024).
"""

import copy
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import torch
from corpora import CONTEXT_TOKENS
from tqdm import tqdm

from insidegpt.measure.cost import parameters
from insidegpt.measure.scaling import Law, Plan, Runs, fit, forecast, resampled
from insidegpt.model.config import GPTConfig
from insidegpt.model.gpt import GPT
from insidegpt.text import bpe
from insidegpt.text.batches import Batch, Batches, load_tokens, save_tokens, tokenize
from insidegpt.text.corpus import TRAIN, VALID, documentation
from insidegpt.train.loop import TrainConfig, begin, train
from insidegpt.train.loss import next_token_loss
from insidegpt.train.material import END

VOCAB, ROWS, RATE, ADAMW = 1024, 16, 0.01, 0.003
# Beside the usual packages, so that no training reads anything twice.
MORE = ("transformers", "sqlalchemy", "huggingface_hub", "IPython", "hypothesis")
MORE = (*MORE, "sphinx", "docutils")
SIZES = ((24, 2), (32, 2), (48, 3), (64, 3), (80, 4), (96, 4))  # width, blocks
STEPS = (125, 250, 500, 1000)
LARGER, LONGER = (160, 5), 1500
TRAININGS, DOCUMENTS = ("rates", "sweep", "larger"), ("predict", "collect")
STEP_TOKENS = ROWS * CONTEXT_TOKENS
ROUNDS = 200  # of drawing the runs anew
OWN = ("d_model", "n_layers", "n_heads", "n_kv_heads", "d_ff")  # of each size
DECAY = 0.2  # the share of a training over which the rate falls


class Text(NamedTuple):
    """What is read, and what the loss is measured on."""

    train: object  # ids
    valid: object


def shape(width: int, layers: int) -> GPTConfig:
    """A small Llama of that size: heads of 16 or a little more, a SwiGLU of 8/3."""
    heads = max(1, width // 16)
    wide = 8 * round(width / 3)
    settings = {"rope_base": 1e4, "rms_eps": 1e-5, "mlp": "swiglu", "bias": "none"}
    return GPTConfig(
        VOCAB,
        CONTEXT_TOKENS,
        layers,
        width,
        heads,
        heads,
        wide,
        qk_norm=True,
        **settings,
    )


def text(folder: Path) -> Text:
    """Ids of the documentation of Python packages, made once and kept in the folder."""
    paths = [folder / f"{half}.npy" for half in ("train", "valid")]
    if not all(path.exists() for path in paths):
        split = documentation(train=(*TRAIN, *MORE), valid=VALID)
        tokenizer = bpe.train(split.train, vocab_size=VOCAB, special_tokens=[END])
        for path, half in zip(paths, split, strict=True):
            save_tokens(tokenize(tokenizer, half, end=tokenizer.special[END]), path)
    return Text(*map(load_tokens, paths))


@torch.inference_mode()
def loss_of(model: GPT, ids, *, rows: int = 32) -> float:
    """Nats a token over all of a text in windows of a context, each token read once.

    A token has 0 to 127 tokens of its window before it, as in training.
    """
    model.eval()
    windows = (len(ids) - 1) // CONTEXT_TOKENS
    flat = torch.from_numpy(ids[: windows * CONTEXT_TOKENS + 1].astype("int64"))
    inputs, targets = (x.view(windows, -1) for x in (flat[:-1], flat[1:]))
    parts = zip(inputs.split(rows), targets.split(rows), strict=True)
    losses = [next_token_loss(model, Batch(*part)) for part in parts]
    return sum(x.total.item() for x in losses) / sum(x.tokens for x in losses)


def trainings(
    words: Text, size: tuple[int, int], seed: int, lengths, rate: float = RATE
) -> dict[str, object]:
    """Losses of one size and seed, trained for each of the lengths."""
    model = GPT(shape(*size), generator=torch.Generator().manual_seed(seed))
    batches = Batches(words.train, context_tokens=CONTEXT_TOKENS, rows=ROWS, seed=seed)
    settings = {"lr": ADAMW, "matrix_lr": rate}
    trunk = TrainConfig(max(lengths), decay=0.0, **settings)
    state, losses, began = begin(model, trunk), {}, time.process_time()
    for length in sorted(lengths):
        falls = round(length * (1 - DECAY))
        state = run(state, batches, trunk, falls)
        last = length == max(lengths)
        branch = state if last else copy.deepcopy(state)
        run(branch, batches, TrainConfig(length, decay=DECAY, **settings), length)
        losses[length] = round(loss_of(branch.model, words.valid), 5)
    seconds = round(time.process_time() - began, 1)
    found = {"size": size, "seed": seed, "rate": rate, "losses": losses}
    return found | {"cpu_s": seconds}


def run(state, batches: Batches, config: TrainConfig, until: int):
    """Go on with a training until that many steps are done."""
    loop = train(state.model, batches, next_token_loss, config, start=state)
    steps = until - state.done
    for _ in tqdm(zip(range(steps), loop, strict=False), total=steps, leave=False):
        pass
    return state._replace(done=until)


def keep(path: Path, todo, words: Text) -> None:
    """Do the trainings that the file doesn't have yet; a line for each."""
    done = {key(found) for found in lines(path)}
    for size, seed, rate, lengths in todo:
        if (tuple(size), seed, rate) not in done:
            found = trainings(words, size, seed, lengths, rate)
            with open(path, "a") as file:
                print(json.dumps(found), file=file, flush=True)
            print(json.dumps(found), file=sys.stderr, flush=True)


def key(found: dict) -> tuple:
    """What tells one training of a file from another."""
    return tuple(found["size"]), found["seed"], found["rate"]


def lines(path: Path) -> list[dict]:
    """What a file of runs holds so far."""
    return [json.loads(line) for line in open(path)] if path.exists() else []


# The law, and the documents -----------------------------------------------------------


def runs_of(found: list[dict]) -> Runs:
    """Trainings as the fit takes them, all parameters counted."""
    rows = [
        (
            parameters(shape(*run["size"])).total,
            int(steps) * STEP_TOKENS,
            loss,
            key(run),
        )
        for run in found
        for steps, loss in run["losses"].items()
    ]
    n, d, losses, groups = zip(*rows, strict=True)
    return Runs(np.array(n, float), np.array(d, float), np.array(losses), list(groups))


def predict(folder: Path) -> dict:
    """What the larger training will end with, as far as the sweep knows.

    Without its shortest trainings: from them to the next the loss falls by less than
    the powers ask for that describe the other lengths.
    """
    runs = runs_of(lines(folder / "sweep.jsonl"))
    runs = runs.where(runs.tokens > min(runs.tokens))
    plan = Plan(parameters(shape(*LARGER)).total, LONGER * STEP_TOKENS)
    losses = forecast(runs, resampled(runs, rounds=ROUNDS), plan)
    low, middle, high = np.quantile(losses, [0.025, 0.5, 0.975])
    return {
        "command": "python benchmarks/scaling.py predict --into RUNS",
        "runs": len(runs.loss),
        "law": rounded(fit(runs)),
        "size": LARGER,
        "steps": LONGER,
        "parameters": plan.parameters,
        "tokens": plan.tokens,
        "loss": round(middle, 3),
        "interval": [round(low, 3), round(high, 3)],
        "share": 0.95,
    }


def rounded(law: Law) -> dict[str, float]:
    """Its five numbers, to four digits."""
    return {name: float(f"{value:.4g}") for name, value in law._asdict().items()}


def collect(folder: Path) -> dict:
    """All runs as one document."""
    counts = [len(half) for half in text(folder)]
    sizes = [*SIZES, LARGER]
    shared = {k: v for k, v in asdict(shape(*LARGER)).items() if k not in OWN}
    return {
        "command": "python benchmarks/scaling.py collect --into RUNS",
        "packages": {"train": [*TRAIN, *MORE], "valid": VALID},
        "tokens": dict(zip(("train", "valid"), counts, strict=True)),
        "rows": ROWS,
        "shape": {k: v for k, v in shared.items() if v not in (None, ())},
        "sizes": [{k: getattr(shape(*size), k) for k in OWN} for size in sizes],
        **{name: lines(folder / f"{name}.jsonl") for name in TRAININGS},
    }


@click.command()
@click.argument("what", type=click.Choice([*TRAININGS, *DOCUMENTS]))
@click.option("--into", type=click.Path(path_type=Path), required=True)
@click.option("--seeds", default=3, show_default=True)
def main(what: str, into: Path, seeds: int) -> None:
    """Train, and keep a line for each training."""
    into.mkdir(exist_ok=True)
    if what in DOCUMENTS:
        print(json.dumps({"predict": predict, "collect": collect}[what](into)))
        return
    words = text(into)
    sweep = [(size, seed, RATE, STEPS) for seed in range(seeds) for size in SIZES]
    rates = (0.005, 0.01, 0.02)
    todo = {
        "rates": [
            (size, 0, r, (200,)) for size in (SIZES[1], SIZES[-1]) for r in rates
        ],
        "sweep": sweep,
        "larger": [(LARGER, 0, RATE, (LONGER,))],
    }
    keep(into / f"{what}.jsonl", todo[what], words)


if __name__ == "__main__":
    main()
