"""Sums with a check mark for a reward: GRPO, its controls, and what becomes of length.

    python benchmarks/verifiable.py sums verifiable.sums.json
    python benchmarks/verifiable.py steps verifiable.steps.json
    python benchmarks/verifiable.py weak verifiable.weak.json
    python benchmarks/verifiable.py join verifiable.json

Groups: sums (five seeds: supervised training on 300 pairs until a fifth of the sums of
the validation split come out right, then five ways to go on), steps (three seeds: a
model that was taught answers with and without steps, two normalisations, and a reward
for form alone), weak (three seeds: as sums, from a start of three in a hundred) and
more (three seeds: supervised training on 400 pairs that just goes on).
``join`` makes one record of them, with other files verifiable.*.json beside it; it is
stored as verifiable.json of show/records and shown on code/verifiable-rewards.
Rates, sizes and numbers of steps were chosen on the validation split of seed 0, which
is not among them. Times are of the processor, with one thread. About an hour
altogether. A run is written when it is done, and is not made twice.
"""

import copy
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import torch
from tqdm import tqdm

from insidegpt.align.grpo import GRPOConfig, grpo
from insidegpt.align.rollout import roll_out
from insidegpt.align.sft import Example, Examples
from insidegpt.infer.generate import generate_batch
from insidegpt.infer.sampling import Sampling
from insidegpt.measure.passing import pass_at_k
from insidegpt.model.config import GPTConfig
from insidegpt.model.gpt import GPT
from insidegpt.text.batches import Batch
from insidegpt.text.sums import (
    END,
    VOCAB,
    is_formed,
    is_right,
    split_sums,
    to_ids,
    to_text,
    written,
)
from insidegpt.train.loop import TrainConfig, begin, train, update
from insidegpt.train.loss import next_token_loss

STYLE = {"rope_base": 1e4, "mlp": "swiglu", "bias": "none", "rms_eps": 1e-5}
CONFIG = GPTConfig(VOCAB, 40, 3, 64, 2, 2, 160, qk_norm=True, **STYLE)
SFT = {"lr": 3e-3, "matrix_lr": 0.01, "warmup": 10, "decay": 0.5}
START = SFT | {"decay": 0.0}  # nobody knows yet where it will stop
RL = {"lr": 5e-4, "matrix_lr": 2e-3, "warmup": 5, "decay": 0.3}
PAIRS = {"sums": 300, "steps": 200, "weak": 300, "more": 400}
# Supervised training stops when so many of the validation split are right.
ENOUGH = {"sums": 0.2, "weak": 0.03, "more": 0.2}
STEPS = {"sums": 600, "coin": 200, "steps": 160, "weak": 300, "more": 0}
TOKENS = {"reversed": 4, "plain": 24, "steps": 24}
KS, DRAWN, ASKED = (1, 2, 4, 8, 16, 32, 64), 128, 200


def taught(model, sums, styles, *, steps, seed, rates=SFT) -> Iterator[int]:
    """Supervised training on right answers; the number of steps done."""
    examples = []
    for sum_ in sums:
        for style in styles:
            asked, said = to_ids(sum_.question), to_ids(written(sum_, style) + ".")
            learn = [False] * len(asked) + [True] * len(said)
            examples.append(Example(asked + said, learn))
    batches = Examples(examples, rows=64, seed=seed)
    for step in train(model, batches, next_token_loss, TrainConfig(steps, **rates)):
        yield step.number + 1


def answers(model, sums, *, style, temperature=0.0, times=1, seed=0) -> list[list[str]]:
    """So many answers to each sum."""
    asked = [to_ids(s.question) for s in sums for _ in range(times)]
    said = generate_batch(
        model.eval(),
        asked,
        max_new_tokens=TOKENS[style],
        sampling=Sampling(temperature, seed=seed),
        stop_ids=[END],
    )
    texts = [to_text(ids) for ids in said]
    return [texts[n : n + times] for n in range(0, len(texts), times)]


def accuracy(model, sums, style) -> float:
    """Share of right answers, greedily decoded."""
    said = answers(model, sums, style=style)
    right = [is_right(s, a, style) for s, [a] in zip(sums, said, strict=True)]
    return round(sum(right) / len(right), 4)


def final(model, split, style) -> dict:
    """The test split, read once: greedy, and k draws."""
    sums = split.test[:ASKED]
    drawn = answers(model, sums, style=style, temperature=1.0, times=DRAWN, seed=1)
    right = [
        sum(is_right(s, a, style) for a in said)
        for s, said in zip(sums, drawn, strict=True)
    ]
    curve = [round(pass_at_k(right, drawn=DRAWN, k=k), 4) for k in KS]
    return {"test": accuracy(model, split.test, style), "pass": curve}


class Judge:
    """A reward, and a memory of what was rewarded since one last looked."""

    def __init__(self, sums, check: Callable[[object, str], bool]) -> None:
        self.sums, self.check, self.seen = sums, check, []

    def __call__(self, number: int, ids: list[int]) -> float:
        text = to_text(ids)
        right = is_right(self.sums[number], text)
        self.seen.append((len(ids) + 1, right, ":" in text))
        return float(self.check(self.sums[number], text))


def clocked(steps: Iterator, look: Callable[[], dict], every: int, total: int):
    """[done, seconds of the processor, what was seen] now and then; looks are free."""
    found, spent, began = [[0, 0.0, look()]], 0.0, time.process_time()
    for done, _ in enumerate(tqdm(steps, total=total), start=1):
        if done % every == 0 or done == total:
            spent += time.process_time() - began
            found.append([done, round(spent, 2), look()])
            began = time.process_time()
    return found


def reinforced(model, reference, split, config, reward, *, steps, seed) -> Iterator:
    """GRPO on the sums whose answers are only checked."""
    return grpo(
        model,
        reference,
        [to_ids(s.question) for s in split.asked],
        reward,
        end=END,
        config=config,
        training=TrainConfig(steps, **RL),
        seed=1000 * seed,
    )


def own(model, split, style, config, *, steps, seed) -> Iterator[int]:
    """Supervised training on those of its own answers that are right."""
    training = TrainConfig(steps, **RL)
    _, optimizers, _ = begin(model, training)
    draw = torch.Generator().manual_seed(seed)
    for number in range(steps):
        chosen = torch.randperm(len(split.asked), generator=draw)[: config.prompts]
        sums = [split.asked[n] for n in chosen.tolist() for _ in range(config.group)]
        rollout = roll_out(
            model.eval(),
            [to_ids(s.question) for s in sums],
            max_new_tokens=config.max_new_tokens,
            end=END,
            seed=1000 * seed + number,
        )
        pairs = zip(sums, rollout.answers, strict=True)
        right = torch.tensor([is_right(s, to_text(a), style) for s, a in pairs])
        if right.any():
            batch = Batch(rollout.ids[right], rollout.targets[right])
            loss = next_token_loss(model.train(), batch)
            (loss.total / loss.tokens).backward()
            update(optimizers, number, loss.mean, training)
        yield number


def binned(records: list, width: int) -> list[dict]:
    """Means over so many steps."""
    parts = [records[n : n + width] for n in range(0, len(records), width)]
    keys = records[0].keys()
    return [{k: mean([r[k] for r in part if r[k] is not None]) for k in keys}
            for part in parts]  # fmt: skip


def mean(values: list[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def logged(steps: Iterator, judge: Judge, group: int, into: list) -> Iterator:
    """Pass GRPO's steps on, and keep a line about each."""
    for step in steps:
        seen, judge.seen = judge.seen, []
        groups = [seen[n : n + group] for n in range(0, len(seen), group)]
        hits = [sum(right for _, right, _ in one) for one in groups]
        into.append(
            {
                "reward": step.reward,
                "right": mean([r for _, r, _ in seen]),
                "all": mean([h == group for h in hits]),
                "none": mean([h == 0 for h in hits]),
                "kl": step.kl,
                "entropy": step.entropy,
                "tokens": step.tokens,
                "tokens_right": mean([n for n, r, _ in seen if r]),
                "tokens_wrong": mean([n for n, r, _ in seen if not r]),
                "steps": mean([w for _, _, w in seen]),
                "right_steps": mean([r for _, r, w in seen if w]),
                "right_plain": mean([r for _, r, w in seen if not w]),
            }
        )
        yield step


class Reversed(Judge):
    """The same for answers whose digits are reversed."""

    def __call__(self, number: int, ids: list[int]) -> float:
        right = is_right(self.sums[number], to_text(ids), "reversed")
        self.seen.append((len(ids) + 1, right, False))
        return float(right)


class Coin(Reversed):
    """One mark in five, whatever the answer."""

    def __init__(self, sums, check) -> None:
        super().__init__(sums, check)
        self.draw = random.Random(0)

    def __call__(self, number: int, ids: list[int]) -> float:
        super().__call__(number, ids)
        return float(self.draw.random() < 0.2)


def begun(split, group: str, seed: int) -> tuple[GPT, int]:
    """A model that supervised training has brought far enough, and its steps."""
    model = GPT(CONFIG, generator=torch.Generator().manual_seed(seed))
    how = {"steps": 4000, "seed": seed, "rates": START}
    for done in tqdm(taught(model, split.taught, ["reversed"], **how), total=4000):
        if done % 10 == 0:
            if accuracy(model, split.valid, "reversed") >= ENOUGH[group]:
                break
    return model, done


def sums(seed: int, group: str = "sums") -> Iterator[dict]:
    """Reversed digits: a start, and ways to go on from it."""
    split = split_sums(seed, taught=PAIRS[group])
    start, done = begun(split, group, seed)
    yield {
        "kind": "start",
        "steps": done,
        "valid": accuracy(start, split.valid, "reversed"),
        "taught": accuracy(start, split.taught, "reversed"),
        "sizes": [len(part) for part in split],
        "parameters": sum(p.numel() for p in start.parameters()),
    } | final(start, split, "reversed")
    kinds = {"weak": ["grpo"], "more": ["again"]}
    for kind in kinds.get(group, ["grpo", "own", "again", "answers", "coin"]):
        yield {"kind": kind} | gone_on(kind, start, split, group, seed)


def gone_on(kind: str, start: GPT, split, group: str, seed: int) -> dict:
    """What one way to go on leads to."""
    model, log = copy.deepcopy(start), []
    config = GRPOConfig(prompts=32, group=16, max_new_tokens=TOKENS["reversed"])
    steps, every = STEPS["coin" if kind == "coin" else group], 25
    if kind in ("grpo", "coin"):
        judge = (Coin if kind == "coin" else Reversed)(split.asked, None)
        run = reinforced(model, start, split, config, judge, steps=steps, seed=seed)
        run = logged(run, judge, config.group, log)
    elif kind == "own":
        run = own(model, split, "reversed", config, steps=steps, seed=seed)
    else:
        part = split.taught + (split.asked if kind == "answers" else [])
        steps, every = (2000 if kind == "answers" else 4000), 100
        run = taught(model, part, ["reversed"], steps=steps, seed=seed + 50)
    curve = clocked(run, lambda: accuracy(model, split.valid, "reversed"), every, steps)
    found = {"curve": curve} | final(model, split, "reversed")
    if log:
        found["log"] = binned(log, 20)
    if kind == "grpo":
        found["drawing"] = drawing(start, split, config)
    return found


def drawing(model, split, config) -> float:
    """Share of a step's time that goes into drawing the answers."""
    asked = [to_ids(s.question) for s in split.asked[: config.prompts]]
    asked = [ids for ids in asked for _ in range(config.group)]
    judge, spent = Reversed(split.asked, None), []
    for _ in range(3):
        began = time.process_time()
        generate_batch(model.eval(), asked, max_new_tokens=config.max_new_tokens,
                       sampling=Sampling(seed=0), stop_ids=[END])  # fmt: skip
        spent.append(time.process_time() - began)
    other = copy.deepcopy(model)
    began = time.process_time()
    list(reinforced(other, model, split, config, judge, steps=3, seed=0))
    return round(min(spent) * 3 / (time.process_time() - began), 3)


def weak(seed: int) -> Iterator[dict]:
    """GRPO from a start that hardly ever finds a right answer."""
    yield from sums(seed, "weak")


def more(seed: int) -> Iterator[dict]:
    """A hundred more worked pairs, and supervised training that goes on."""
    yield from sums(seed, "more")


def steps(seed: int) -> Iterator[dict]:
    """Plain digits, with and without steps before them."""
    split = split_sums(seed, taught=PAIRS["steps"])
    model = GPT(CONFIG, generator=torch.Generator().manual_seed(seed))
    both = ["plain", "steps"]
    for _ in tqdm(taught(model, split.taught, both, steps=400, seed=seed), total=400):
        pass
    yield {"kind": "start"} | forms(model, split)
    fixed = {"prompts": 32, "group": 16, "max_new_tokens": TOKENS["steps"]}

    def formed(_, text):
        return is_formed(text, "steps")

    for kind, config, check in (
        ("grpo", GRPOConfig(**fixed), is_right),
        ("dr_grpo", GRPOConfig(**fixed, by_length=False), is_right),
        ("form", GRPOConfig(**fixed), formed),
    ):
        grown, kept = copy.deepcopy(model), []
        judge = Judge(split.asked, check)
        run = reinforced(
            grown, model, split, config, judge, steps=STEPS["steps"], seed=seed
        )
        began = time.process_time()
        for _ in tqdm(logged(run, judge, 16, kept), total=STEPS["steps"]):
            pass
        spent = time.process_time() - began
        yield {
            "kind": kind,
            "seconds": round(spent, 1),
            "log": binned(kept, 10),
        } | forms(grown, split)


def forms(model, split) -> dict:
    """The test split: what is written, and how much of it is right; one draw each."""
    said = answers(model, split.test, style="steps", temperature=1.0, seed=1)
    texts = [a for [a] in said]
    right = [is_right(s, a) for s, a in zip(split.test, texts, strict=True)]
    long = [":" in a for a in texts]
    pairs = list(zip(right, long, strict=True))
    return {
        "test": accuracy(model, split.test, "steps"),
        "right": mean(right),
        "steps": mean(long),
        "right_steps": mean([r for r, x in pairs if x]),
        "right_plain": mean([r for r, x in pairs if not x]),
        "formed": mean([is_formed(a, "plain", "steps") for a in texts]),
        "tokens": mean([len(a) + 1 for a in texts]),
        "examples": texts[:4],
    }


GROUPS = {"sums": (sums, range(1, 6)), "steps": (steps, range(1, 4)),
          "weak": (weak, range(1, 4)), "more": (more, range(1, 4))}  # fmt: skip


KEPT = {
    "sums": ("right", "all", "none", "kl", "entropy"),
    "steps": ("right", "steps", "tokens", "tokens_wrong"),
    "weak": ("right", "none", "entropy"),
    "more": (),
}


def columns(run: dict, group: str) -> dict:
    """A run with its tables turned: seconds and shares, the log by what it tells."""
    found = dict(run)
    if "curve" in run:
        rows = run["curve"][:: 1 if len(run["curve"]) < 30 else 2]
        _, seconds, seen = zip(*rows, strict=True)
        found["curve"] = [
            [round(s, 1) for s in seconds],
            [round(x, 3) for x in seen],
        ]
    log = found.pop("log", None)
    if log and run["kind"] != "coin":
        found["log"] = {
            key: [None if r[key] is None else round(r[key], 3) for r in log]
            for key in KEPT[group]
        }
    return found


def join(file: Path) -> None:
    """One record of all files beside it, in the order of seeds."""
    found = {"command": f"python benchmarks/verifiable.py join {file.name}"}
    found["ks"], found["drawn"] = KS, DRAWN
    for group in GROUPS:
        runs = []
        for part in sorted(file.parent.glob(f"{file.stem}.{group}*.json")):
            runs += json.loads(part.read_text("utf-8"))["runs"]
        runs.sort(key=lambda run: run["seed"])
        found[group] = [columns(run, group) for run in runs]
    file.write_text(json.dumps(found, separators=(",", ":")), "utf-8")


@click.command()
@click.argument("group", type=click.Choice([*GROUPS, "join"]))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--seed", type=int, help="One seed alone.")
def main(group: str, file: Path, seed: int | None) -> None:
    """Add to FILE what is not there yet."""
    torch.set_num_threads(1)
    if group == "join":
        return join(file)
    make, seeds = GROUPS[group]
    runs = json.loads(file.read_text("utf-8"))["runs"] if file.exists() else []
    for one in seeds if seed is None else [seed]:
        if one in {run["seed"] for run in runs}:
            continue
        for found in make(one):
            runs.append({"seed": one} | found)
            command = f"python benchmarks/verifiable.py {group} {file.name}"
            text = json.dumps({"command": command, "runs": runs})
            file.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
