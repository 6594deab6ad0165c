"""DPO, IPO and best-of-n from pairs: gold, KL, and how likely answers become.

    python benchmarks/preferences.py preferences.json --start 0=mini-sft --judges rm
    python benchmarks/preferences.py preferences.json --start 1=DIRECTORY --judges rm

A start is the number of a world and a model that was fine-tuned on it. Annotators who
never err compare answers to questions about subjects to learn from. "given" answers no
model has drawn; of such pairs the reward model has learned that picks the best of n,
and that benchmarks/reward_model.py has left in the folder of judges. "own" answers are
drawn by the start, four to a question, and compared two and two; pairs that gold finds
equal are left out. All that is recorded is about the test subjects: answers drawn to
the questions of benchmarks/rlhf.py, and pairs of given answers that nobody learns from.
Rates and beta were chosen on the validation subjects of world 0. Stored as
preferences.json of show/records, shown on code/preference-optimization. A run is
written when it is done, and is not made twice. About seven minutes of one
core a world.
"""

import copy
import dataclasses
import json
import math
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import torch
from tqdm import tqdm

from insidegpt.align.dpo import Preferences, answer_logprobs, dpo_loss, ipo_loss
from insidegpt.align.kl import exact_kl
from insidegpt.align.reward import Pair, RewardModel, encode_pair
from insidegpt.align.rollout import roll_out
from insidegpt.align.sft import pad
from insidegpt.align.stages import (
    ANNOTATORS,
    DPO,
    build_town,
    by_model,
    choices_of,
    encode_choices,
    questions,
)
from insidegpt.infer.generate import generate_batch
from insidegpt.infer.sampling import Sampling
from insidegpt.measure.optimum import best_of
from insidegpt.measure.standing import MAX_NEW_TOKENS, assess
from insidegpt.model.checkpoint import load_model
from insidegpt.text.chat import encode_chat
from insidegpt.text.vocab import load_tokenizer
from insidegpt.text.world.dialogues import Talk
from insidegpt.text.world.preferences import Gold, write_choices
from insidegpt.train.loop import train

ROWS, ASKED, LEARNED, HELD_OUT, DRAWN, PICKED = 32, 2000, 12_000, 400, 32, 400
PARTS = (1 / 4, 1 / 2, 1)  # of a training; then one looks
SEEDS = range(3)  # of the answers that are drawn to each question
METHODS = (  # the first two in every world
    ("dpo", "own", dpo_loss, 0.5),
    ("dpo", "given", dpo_loss, 0.5),
    ("ipo", "own", ipo_loss, 0.1),
)
TIMES = (1, 2, 4, 8)
GOOD = 0.5  # gold of an answer than which there is no better one


class Start:
    """A model to start from, its town, and the pairs to learn from."""

    def __init__(self, world: int, source: str, judges: Path) -> None:
        self.world, self.town = world, build_town(world)
        self.model = load_model(source).eval()
        self.source, self.tokenizer = source, load_tokenizer(source)
        self.judge = judges / f"rm_{world}_careful.pt"
        self.talks = one_turn(questions(self.town, self.town.test, count=ASKED, seed=2))
        asked = questions(self.town, self.town.test, count=HELD_OUT, seed=9)
        self.held_out = write_choices(asked, ANNOTATORS["careful"], seed=9)
        pairs = encode_choices(self.held_out, self.tokenizer)
        self.before = both(self.model, pairs)
        self.pairs = pairs

    def look(self, model) -> dict:
        """Where a policy is, and what became of held-out pairs, in nats an answer."""
        places = [
            assess(model, self.model, self.tokenizer, self.talks, seed=seed)
            for seed in SEEDS
        ]
        place = {
            key: mean([getattr(one, key) for one in places])
            for key in places[0]._fields
            if key != "proxy"
        }
        moved = both(model, self.pairs) - self.before
        kinds = {"all": [True] * len(moved)}
        worth = [Gold()(c.talk, c.chosen) for c in self.held_out]
        kinds["best"] = [one >= GOOD for one in worth]
        kinds["better"] = [one < GOOD for one in worth]
        for kind in ("fact", "honesty", "manner", "mixed"):
            kinds[kind] = [choice.kind == kind for choice in self.held_out]
        return place | {
            "moved": {k: rounded(moved[v].mean(0)) for k, v in kinds.items()},
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


def rounded(values: torch.Tensor) -> list[float]:
    return [round(value, 4) for value in values.tolist()]


def given(start: Start) -> list[Pair]:
    """Pairs that nobody drew; the reward model's."""
    choices = choices_of(start.town, ANNOTATORS["careful"])
    return encode_choices(choices, start.tokenizer)


def own(start: Start) -> list[Pair]:
    """Pairs of answers that the start has drawn itself."""
    asked = one_turn(questions(start.town, start.town.learn, count=LEARNED, seed=3))
    prompts = [encode_chat(start.tokenizer, talk.prompt) for talk in asked]
    drawn = [answers(start, prompts, seed=n) for n in range(4)]
    annotator, luck, pairs = ANNOTATORS["careful"], random.Random(0), []
    for n, talk in enumerate(asked):
        for one, other in ((drawn[0][n], drawn[1][n]), (drawn[2][n], drawn[3][n])):
            if not (one and other) or Gold()(talk, one) == Gold()(talk, other):
                continue
            if not annotator.prefers(talk, one, other, luck):
                one, other = other, one
            pairs.append(encode_pair(start.tokenizer, talk.prompt, one, other))
    luck.shuffle(pairs)
    return pairs


def answers(start: Start, prompts: list[list[int]], *, seed: int) -> list[str]:
    """An answer to each."""
    said = [""] * len(prompts)
    by_length = sorted(range(len(prompts)), key=lambda n: len(prompts[n]))
    for begin in range(0, len(prompts), 256):
        places = by_length[begin : begin + 256]
        found = generate_batch(
            start.model,
            [prompts[n] for n in places],
            max_new_tokens=MAX_NEW_TOKENS,
            sampling=Sampling(1.0, seed=1000 * seed + begin),
            stop_ids=[start.tokenizer.end_ids[-1]],
        )
        for place, answer in zip(places, found, strict=True):
            said[place] = start.tokenizer.decode(answer)
    return said


def one_turn(talks: list[Talk]) -> list[Talk]:
    """Questions without a conversation before them."""
    return [talk for talk in talks if len(talk.prompt) <= 2]


def preferred(start: Start, pairs: list[Pair], loss) -> dict:
    """A training, and what is seen on the way."""
    model = copy.deepcopy(start.model).requires_grad_(True)
    batches = Preferences(pairs, start.model, rows=ROWS)
    config = dataclasses.replace(DPO, steps=min(DPO.steps, len(pairs) // ROWS))
    looks, spent, began = [], 0.0, time.process_time()
    loop = train(model, batches, loss, config)
    for step in tqdm(loop, total=config.steps, mininterval=60):
        if step.number + 1 in [round(part * config.steps) for part in PARTS]:
            spent += time.process_time() - began
            found = {"step": step.number + 1, "seconds": round(spent, 1)}
            looks.append(found | start.look(model.eval()))
            began = time.process_time()
    return {"count": ROWS * config.steps, "looks": looks}


def best(start: Start) -> dict:
    """The best of n answers, by the reward model and by gold itself.

    Gold is a mean over draws. The distance is exact over the answers to a question that
    came up in so many draws: their probabilities are known, and normed.
    """
    judge = RewardModel(copy.deepcopy(start.model))
    judge.load_state_dict(torch.load(start.judge, weights_only=True))
    end, talks = start.tokenizer.end_ids[-1], start.talks[:PICKED]
    prompts = [encode_chat(start.tokenizer, talk.prompt) for talk in talks]
    tries: list[list] = [[] for _ in prompts]
    nats: list[dict] = [{} for _ in prompts]  # log-probability of each answer
    for n in range(DRAWN):
        said = roll_out(
            start.model, prompts, max_new_tokens=MAX_NEW_TOKENS, end=end, seed=1000 + n
        )
        logprobs = said.logprobs.sum(1).tolist()
        for place, answer in enumerate(said.answers):
            tries[place].append(tuple(answer))
            nats[place][tuple(answer)] = logprobs[place]
    flat = [(place, answer) for place, seen in enumerate(nats) for answer in seen]
    grade = by_model(talks, start.tokenizer, judge.eval())
    liked = grade([n for n, _ in flat], [list(answer) for _, answer in flat])
    worth = [Gold()(talks[n], start.tokenizer.decode(list(a))) for n, a in flat]
    scores = {"gold": dict(zip(flat, worth, strict=True))}
    scores["model"] = dict(zip(flat, liked, strict=True))
    found = {"kind": "best_of", "n": TIMES}
    found["covered"] = mean([math.fsum(map(math.exp, seen.values())) for seen in nats])
    for by, score in scores.items():
        found[by] = [
            (picked(tries, scores["gold"], score, n), distance(nats, score, n))
            for n in TIMES
        ]
    return found


def picked(tries: list[list], worth: dict, score: dict, n: int) -> float:
    """Gold of what has the highest score, of every n draws one after another."""
    golds = []
    for place, drawn in enumerate(tries):
        for begin in range(0, len(drawn), n):
            some = [(place, answer) for answer in drawn[begin : begin + n]]
            golds.append(worth[max(some, key=score.__getitem__)])
    return mean(golds)


def distance(nats: list[dict], score: dict, n: int) -> float:
    """Nats from the reference, a mean over questions."""
    found = []
    for place, seen in enumerate(nats):
        known = torch.tensor(list(seen.values())).double()
        grades = torch.tensor([score[place, answer] for answer in seen]).double()
        found.append(exact_kl(best_of(known, grades, n=n), known).item())
    return mean(found)


def mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 4)


def runs_of(start: Start) -> Iterator[tuple[tuple, Callable[[], dict]]]:
    """What there is to do, and how."""
    yield ("start", None), lambda: {"kind": "start"} | start.look(start.model)
    made: dict[str, list[Pair]] = {}
    for method, source, loss, beta in METHODS[: 3 if start.world == 0 else 2]:

        def make(method=method, source=source, loss=loss, beta=beta) -> dict:
            if source not in made:
                made[source] = {"own": own, "given": given}[source](start)
            found = preferred(start, made[source], loss(beta))
            return {"kind": method, "pairs": source, "beta": beta} | found

        yield (method, source), make
    if start.world == 0:
        yield ("best_of", None), lambda: best(start)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--start", "starts", multiple=True, required=True)
@click.option("--judges", type=click.Path(path_type=Path), required=True)
def main(file: Path, starts: tuple[str, ...], judges: Path) -> None:
    """Add to FILE what is not there yet."""
    torch.set_num_threads(1)
    runs = json.loads(file.read_text("utf-8"))["runs"] if file.exists() else []
    for one in starts:
        world, place = one.split("=", 1)
        start = Start(int(world), place, judges)
        for (kind, source), make in runs_of(start):
            key = (start.world, kind, source)
            if key in {(r["world"], r["kind"], r.get("pairs")) for r in runs}:
                continue
            runs.append({"world": start.world, **make()})
            found = {"command": f"python benchmarks/preferences.py {file.name} ..."}
            found["runs"] = runs
            file.write_text(json.dumps(found, separators=(",", ":")), "utf-8")


if __name__ == "__main__":
    main()
