"""DPO, IPO and best-of-n from the same pairs: gold, KL, and how likely answers become.

    python benchmarks/preferences.py preferences.json --start 0=mini-sft
    python benchmarks/preferences.py preferences.json --start 1=DIRECTORY

A start is the number of a world and a model that was fine-tuned on it. Annotators who
neither err nor have biases compare answers to questions about subjects to learn from;
DPO and IPO see 3,200 of the pairs once, and a reward model for best-of-n learns from
the same pairs. All that is recorded is about the test subjects: answers drawn to
questions, and pairs that nobody learns from. Steps, rates and beta were chosen on the
validation subjects of world 0. Stored as preferences.json of show/records, shown on
code/preference-optimization. A run is written when it is done, and is not made twice.
About two minutes of one core a run.
"""

import copy
import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path

import click
import torch
from tqdm import tqdm

from insidegpt.align.dpo import Preferences, answer_logprobs, dpo_loss, ipo_loss
from insidegpt.align.kl import exact_kl
from insidegpt.align.reward import Pair, RewardModel, reward_loss
from insidegpt.align.rollout import roll_out
from insidegpt.align.sft import pad
from insidegpt.align.stages import (
    DPO,
    REWARD,
    build_town,
    by_model,
    choices_of,
    comparisons,
    encode_choices,
    questions,
)
from insidegpt.measure.optimum import best_of
from insidegpt.measure.standing import MAX_NEW_TOKENS, assess
from insidegpt.model.checkpoint import load_model
from insidegpt.text.chat import encode_chat
from insidegpt.text.vocab import load_tokenizer
from insidegpt.text.world.preferences import Annotator, Gold, write_choices
from insidegpt.train.loop import train

ROWS, ASKED, HELD_OUT, DRAWN = 32, 400, 400, 16
LOOKS = (10, 25, 50, 100)  # steps
METHODS = {  # worlds beside 0 have the first two alone
    ("dpo", 0.1): dpo_loss,
    ("ipo", 0.1): ipo_loss,
    ("dpo", 0.5): dpo_loss,
    ("ipo", 0.5): ipo_loss,
}
TIMES = (1, 2, 4, 8, 16)
GOOD = 0.5  # gold of an answer than which there is no better one


class Start:
    """A model to start from, its town, and the pairs to learn from."""

    def __init__(self, world: int, source: str) -> None:
        self.world, self.town = world, build_town(world)
        self.model = load_model(source).eval()
        self.source, self.tokenizer = source, load_tokenizer(source)
        self.choices = choices_of(self.town, Annotator(), seed=world)
        self.talks = questions(self.town, self.town.test, count=ASKED, seed=world + 1)
        asked = questions(self.town, self.town.test, count=HELD_OUT, seed=world + 2)
        self.held_out = write_choices(asked, Annotator(), seed=world + 2)
        pairs = encode_choices(self.held_out, self.tokenizer)
        self.before = both(self.model, pairs)
        self.pairs = pairs

    def look(self, model) -> dict:
        """Where a policy is, and what became of held-out pairs, in nats an answer."""
        place = assess(
            model, self.model, self.tokenizer, self.talks, seed=100 + self.world
        )
        moved = both(model, self.pairs) - self.before
        kinds = {"all": [True] * len(moved)}
        worth = [Gold()(c.talk, c.chosen) for c in self.held_out]
        kinds["best"] = [one >= GOOD for one in worth]
        kinds["better"] = [one < GOOD for one in worth]
        for kind in ("fact", "honesty", "manner", "mixed"):
            kinds[kind] = [choice.kind == kind for choice in self.held_out]
        return rounded(place._asdict()) | {
            "moved": {k: rounded(moved[v].mean(0).tolist()) for k, v in kinds.items()},
            "fell": round((moved[:, 0] < 0).float().mean().item(), 4),
            "agrees": round((moved[:, 0] > moved[:, 1]).float().mean().item(), 4),
        }


@torch.no_grad()
def both(model, pairs: list[Pair]) -> torch.Tensor:
    """Log-probabilities of what was chosen, and of what was rejected."""
    found = []
    for begin in range(0, len(pairs), 64):
        some = pairs[begin : begin + 64]
        batch = pad([pair.chosen for pair in some] + [pair.rejected for pair in some])
        found.append(answer_logprobs(model, *batch).view(2, -1).T)
    return torch.cat(found)


def rounded(values):
    if isinstance(values, dict):
        return {key: round(value, 4) for key, value in values.items()}
    return [round(value, 4) for value in values]


def preferred(start: Start, method: str, beta: float) -> dict:
    """A training, and what is seen on the way."""
    model = copy.deepcopy(start.model).requires_grad_(True)
    batches = Preferences(
        encode_choices(start.choices, start.tokenizer),
        start.model,
        rows=ROWS,
        seed=start.world,
    )
    loss, looks, spent = METHODS[method, beta](beta), [], 0.0
    began = time.process_time()
    for step in tqdm(train(model, batches, loss, DPO), total=DPO.steps, mininterval=20):
        if step.number + 1 in LOOKS:
            spent += time.process_time() - began
            found = {"step": step.number + 1, "seconds": round(spent, 1)}
            looks.append(found | start.look(model.eval()))
            began = time.process_time()
    return {"kind": method, "beta": beta, "looks": looks}


def judged(start: Start) -> RewardModel:
    """A reward model that has learned from the same pairs."""
    judge = RewardModel(copy.deepcopy(start.model).requires_grad_(True))
    batches = comparisons(start.choices, start.tokenizer, seed=start.world)
    config = dataclasses.replace(REWARD, steps=DPO.steps)
    steps = train(judge, batches, reward_loss, config)
    for _ in tqdm(steps, total=config.steps, mininterval=20):
        pass
    return judge.eval()


def best(start: Start) -> dict:
    """The best of n answers, by the reward model and by gold itself.

    Exact over the answers to a question that came up in 16 draws: their probabilities
    are known, and normed.
    """
    judge, gold, end = judged(start), Gold(), start.tokenizer.end_ids[-1]
    prompts = [encode_chat(start.tokenizer, talk.prompt) for talk in start.talks]
    drawn: list[dict] = [{} for _ in prompts]  # log-probability of each answer
    for n in range(DRAWN):
        said = roll_out(
            start.model, prompts, max_new_tokens=MAX_NEW_TOKENS, end=end, seed=1000 + n
        )
        logprobs = said.logprobs.sum(1).tolist()
        for seen, answer, nats in zip(drawn, said.answers, logprobs, strict=True):
            seen[tuple(answer)] = nats
    flat = [(n, list(answer)) for n, seen in enumerate(drawn) for answer in seen]
    texts = [(start.talks[n], start.tokenizer.decode(answer)) for n, answer in flat]
    worth = torch.tensor([gold(*one) for one in texts]).double()
    grade = by_model(start.talks, start.tokenizer, judge)
    numbers, answers = zip(*flat, strict=True)
    liked = torch.tensor(grade(numbers, list(answers))).double()
    sizes = [len(seen) for seen in drawn]
    tables = [torch.tensor(list(seen.values())).double() for seen in drawn]
    parts = list(zip(tables, worth.split(sizes), liked.split(sizes), strict=True))
    return {
        "kind": "best_of",
        "n": TIMES,
        "covered": mean([table.exp().sum().item() for table in tables]),
        "gold": [placed([(t, w, w) for t, w, _ in parts], n) for n in TIMES],
        "model": [placed(parts, n) for n in TIMES],
    }


def placed(parts: list[tuple], n: int) -> tuple[float, float]:
    """Gold, and nats from the reference, of the best of n; means over questions."""
    golds, kls = [], []
    for known, worth, liked in parts:
        policy = best_of(known, liked, n=n)
        golds.append((policy.exp() @ worth).item())
        kls.append(exact_kl(policy, known).item())
    return mean(golds), mean(kls)


def mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 4)


def runs_of(start: Start) -> Iterator[tuple[tuple, object]]:
    """What there is to do, and how."""
    yield ("start", None), lambda: {"kind": "start"} | start.look(start.model)
    for method, beta in list(METHODS)[: None if start.world == 0 else 2]:
        yield (method, beta), lambda m=method, b=beta: preferred(start, m, b)
    yield ("best_of", None), lambda: best(start)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--start", "starts", multiple=True, required=True)
def main(file: Path, starts: tuple[str, ...]) -> None:
    """Add to FILE what is not there yet."""
    torch.set_num_threads(1)
    runs = json.loads(file.read_text("utf-8"))["runs"] if file.exists() else []
    for one in starts:
        world, source = one.split("=", 1)
        start = Start(int(world), source)
        for (kind, beta), make in runs_of(start):
            key = (start.world, kind, beta)
            if key in {(r["world"], r["kind"], r.get("beta")) for r in runs}:
                continue
            runs.append({"world": start.world, **make()})
            found = {"command": f"python benchmarks/preferences.py {file.name} ..."}
            found |= {"pairs": ROWS * DPO.steps, "questions": ASKED, "runs": runs}
            file.write_text(json.dumps(found, separators=(",", ":")), "utf-8")


if __name__ == "__main__":
    main()
