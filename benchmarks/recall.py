"""Recall, copying and parity: our GPT, an LSTM and the delta rule, equally large.

    python benchmarks/recall.py --group recall > recall.json

Groups: rates (of learning, one seed), recall and parity, three seeds each, stored
together in recall.json of show/records and shown on concepts/transformer-or-rnn; five
minutes of an idle core altogether. Not stored yet: copying, patience (the LSTM, five
times as long) and smollm2, which asks the real model.
"""

import json
import random
import sys
from functools import partial

import click
import numpy as np
import torch
from torch import nn
from tqdm import tqdm

import insidegpt
from insidegpt.model.config import GPTConfig
from insidegpt.model.gpt import GPT
from insidegpt.model.recurrent import DeltaBlock, LSTMBlock, RecurrentLM
from insidegpt.text import riddles
from insidegpt.train.loop import TrainConfig, train
from insidegpt.train.loss import next_token_loss

SHAPE = {"n_layers": 2, "d_model": 64, "n_heads": 2, "n_kv_heads": 2, "d_ff": 128}
STYLE = {"rope_base": 1e4, "mlp": "swiglu", "bias": "none", "rms_eps": 1e-5}
CONFIG = GPTConfig(riddles.RIDDLE_TOKENS, 1024, qk_norm=True, **SHAPE, **STYLE)
ROWS = 32
RATES = (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08)  # of Muon; AdamW takes a fifth
# The best of them, by the group ``rates``.
BEST = {
    "recall": {"gpt": 0.005, "lstm": 0.04, "delta": 0.08},  # gpt: second best
    "parity": {"gpt": 0.02, "lstm": 0.02, "delta": 0.02, "delta2": 0.02},
}
STEPS = {"rates": 300, "recall": 400, "copying": 300, "parity": 300, "patience": 2000}
PAIRS, LENGTHS = (2, 4, 8, 16), (4, 8, 16, 24)
PARITY = (4, 8, 16)  # bits in training
BITS = 96  # in the test


def make(kind: str, generator: torch.Generator) -> nn.Module:
    """A model of one of four kinds, of 87 to 88 thousand parameters."""
    if kind == "lstm":
        block = partial(LSTMBlock, width=68)
        return RecurrentLM(CONFIG, block, generator=generator)
    if kind.startswith("delta"):
        block = partial(DeltaBlock, reach=2.0 if kind == "delta2" else 1.0)
        return RecurrentLM(CONFIG, block, generator=generator)
    return GPT(CONFIG, generator=generator)


def trained(kind, task, sizes, *, seed, rate, steps, look=None):
    """A model after its training, its losses, and what ``look`` saw on the way."""
    torch.manual_seed(seed)  # torch's own layers begin with it
    model = make(kind, torch.Generator().manual_seed(seed))
    batches = riddles.Riddles(task, sizes=sizes, rows=ROWS, seed=seed)
    config = TrainConfig(steps, lr=rate / 5, matrix_lr=rate)
    losses, seen = [], []
    for step in tqdm(train(model, batches, next_token_loss, config), total=steps):
        losses.append(step.loss)
        if look and (step.number + 1) % (steps // 60) == 0:
            seen.append([step.number + 1, look(model)])
    return model.eval(), losses, seen


@torch.inference_mode()
def right(model, task, *size, rows=128) -> float:
    """Share of right answers on texts that no training has seen."""
    batch = task(np.random.default_rng((12345, *size)), rows, *size)
    return round(riddles.share_right(model(batch.ids), batch), 4)


def rates(seed: int):
    """The mean loss of the last 50 steps, for each rate."""
    tasks = {
        "recall": (riddles.recall_apart, PAIRS),
        "parity": (riddles.parity, (*PARITY, 32)),
    }
    for name, (task, sizes) in tasks.items():
        for kind in BEST[name]:
            found = {}
            for rate in RATES:
                settings = {"seed": 100 + seed, "rate": rate, "steps": STEPS["rates"]}
                _, losses, _ = trained(kind, task, sizes, **settings)
                found[rate] = round(sum(losses[-50:]) / 50, 4)
            yield {"task": name, "kind": kind, "loss": found}


def recall(seed: int, steps: int = STEPS["recall"], kinds=None):
    """Share right by the number of pairs, and by distance with four pairs."""
    for kind in kinds or BEST["recall"]:
        settings = {"seed": seed, "rate": BEST["recall"][kind], "steps": steps}

        def look(model):
            return right(model, riddles.recall, 8, 16, rows=64)

        model, losses, seen = trained(
            kind, riddles.recall_apart, PAIRS, look=look, **settings
        )
        yield {
            "kind": kind,
            "parameters": sum(p.numel() for p in model.parameters()),
            "loss": round(sum(losses[-50:]) / 50, 4),
            "steps": [number for number, _ in seen],
            "seen": [share for _, share in seen],
            "pairs": {
                n: right(model, riddles.recall, n) for n in (1, 2, 4, 8, 12, 16, 24, 32)
            },
            "gap": {
                n: right(model, riddles.recall, 4, n)
                for n in (0, 8, 16, 32, 48, 64, 96, 128, 192, 256)
            },
        }


def patience(seed: int):
    """The one that is not done after the usual steps, five times as long."""
    yield from recall(seed, STEPS["patience"], ("lstm",))


def copying(seed: int):
    """Share of letters right by the length of the text."""
    for kind, rate in BEST["recall"].items():
        settings = {"seed": seed, "rate": rate, "steps": STEPS["copying"]}
        model, losses, _ = trained(kind, riddles.copying, LENGTHS, **settings)
        yield {
            "kind": kind,
            "loss": round(sum(losses[-50:]) / 50, 4),
            "length": {
                n: right(model, riddles.copying, n)
                for n in (4, 8, 12, 16, 24, 32, 48, 64, 96)
            },
        }


def parity(seed: int):
    """Share right by position, silent and aloud; aloud it reads its own answers."""
    ways = [(kind, riddles.parity) for kind in BEST["parity"]]
    if "gpt" in BEST["parity"]:
        ways.append(("gpt", riddles.parity_aloud))
    for kind, task in ways:
        settings = {"seed": seed, "rate": BEST["parity"][kind]}
        steps = STEPS["parity"]
        model, losses, _ = trained(kind, task, PARITY, steps=steps, **settings)
        aloud = task is riddles.parity_aloud
        answers = by_position(model, aloud)
        yield {
            "kind": kind + (" aloud" if aloud else ""),
            "loss": round(sum(losses[-50:]) / 50, 4),
            "right": [round(x, 3) for x in answers.view(-1, 8).mean(1).tolist()],
        }


@torch.inference_mode()
def by_position(model: nn.Module, aloud: bool, rows: int = 32) -> torch.Tensor:
    """Share right after each of the test's bits."""
    batch = riddles.parity(np.random.default_rng(12345), rows, BITS)
    if not aloud:
        said = model(batch.ids).argmax(-1)
        return (said == batch.targets).double().mean(0)
    text, said = batch.ids[:, :0], []
    for bit in batch.ids.T:
        text = torch.cat([text, bit[:, None]], 1)
        answer = model(text)[:, -1].argmax(-1)
        text = torch.cat([text, answer[:, None]], 1)  # its own answer, right or wrong
        said.append(answer - riddles.VALUES[0])
    return (torch.stack(said, 1) == batch.targets).double().mean(0)


NAMES = "Ada Ben Cleo Dan Eva Finn Gus Hana Ivo Jana Kai Lea Max Nora Otis Pia".split()
DISTANCES = (16, 64, 256, 512, 1024)
FILL = "The library opens at nine. Members may borrow up to ten books for three weeks. "


@torch.inference_mode()
def smollm2(seed: int):
    """Five codes are told, then a text about other things; each code is asked for."""
    model, tokenizer = insidegpt.load_model(), insidegpt.load_tokenizer()
    draw = random.Random(seed)
    names = draw.sample(NAMES, 5)
    codes = {name: str(draw.randrange(100, 1000)) for name in names}
    told = " ".join(f"The code of {name} is {code}." for name, code in codes.items())
    cache = model.new_cache(batch=1, max_tokens=DISTANCES[-1] + 200)
    model.hidden(torch.tensor([tokenizer.encode(told + " ")]), cache=cache)
    start = cache.tokens
    fill = tokenizer.encode(FILL * (DISTANCES[-1] // 10))
    for distance in DISTANCES:
        new = fill[cache.tokens - start : distance]
        model.hidden(torch.tensor([new]), cache=cache)
        found = {}
        for name, code in codes.items():
            end = cache.tokens
            ids, said = tokenizer.encode(f" The code of {name} is "), []
            for _ in range(3):  # a digit is a token
                logits = model(torch.tensor([ids]), cache=cache)
                ids = [int(logits[0, -1].argmax())]
                said += ids
            cache.truncate(end)
            found[name] = int(tokenizer.decode(said).strip() == code)
        yield {"distance": distance, "right": sum(found.values()), "asked": 5}


GROUPS = {f.__name__: f for f in (rates, recall, patience, copying, parity, smollm2)}


@click.command()
@click.option("--group", type=click.Choice(list(GROUPS)))
@click.option("--seeds", default=3, show_default=True)
def main(group: str, seeds: int) -> None:
    """Print one JSON document; each run goes to stderr as soon as it is done."""
    runs = []
    for seed in range(seeds):
        for found in GROUPS[group](seed):
            runs.append({"seed": seed} | found)
            print(json.dumps(runs[-1]), file=sys.stderr)
    command = f"python benchmarks/recall.py --group {group} --seeds {seeds}"
    json.dump({"command": command, "runs": runs}, sys.stdout)


if __name__ == "__main__":
    main()
