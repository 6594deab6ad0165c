"""How far from the exact optimum DPO, IPO, PPO and best-of-n end.

    python benchmarks/gauge.py gauge.json

Questions of world 0, half about subjects that documents tell of at least 16 times,
half about strangers; 16 to train on, and 16 about subjects that nobody trains on. The
reference is `mini-sft` over the answers that a question can have. Pairs are drawn from
it, equal ones dropped, and labelled by the Bradley-Terry model with gold as reward, so
that DPO's optimum is the exact one. DPO, IPO and PPO see 3,840 answers each; "few" is
DPO that sees 64 pairs again and again, and "wide" DPO on 320 questions, among which are
half of those that are measured. Stored as gauge.json of show/records, shown on
code/preference-optimization. Rates were chosen on questions to train on. A run is
written when it is done, and is not made twice. About twelve minutes of one core.
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

from insidegpt.align.dpo import Preferred, dpo_loss, ipo_loss
from insidegpt.align.ppo import ActorCritic, PPOConfig, ppo
from insidegpt.align.reward import encode_answer
from insidegpt.align.sft import Example, order, pad
from insidegpt.align.stages import Town, build_town, by_gold
from insidegpt.measure.optimum import (
    Possible,
    answer_table,
    best_of,
    enumerate_answers,
    grpo_rest,
    locate,
    optimum,
)
from insidegpt.model.checkpoint import load_model
from insidegpt.text.chat import encode_chat
from insidegpt.text.vocab import load_tokenizer
from insidegpt.text.world.dialogues import write_questions
from insidegpt.text.world.facts import Subject
from insidegpt.text.world.preferences import Gold
from insidegpt.text.world.questions import ASKING
from insidegpt.train.loop import TrainConfig, train

BETA, QUESTIONS, WIDE, PAIRS, FEW, RARE = 0.5, 16, 320, 16, 64, 0.01
LOOKS = (1 / 3, 2 / 3, 1)  # parts of a training; held-out questions at its end alone
RATES = {"lr": 1e-3, "matrix_lr": 1e-3, "warmup": 10, "decay": 0.8}
PPO_RATES = {"lr": 2e-3, "matrix_lr": 3e-3, "warmup": 5, "decay": 1.0}
STEPS = {"dpo": 120, "few": 120, "ipo": 120, "ppo": 60, "wide": 120}
SEEDS = range(3)
TIMES = (1, 2, 4, 8, 16)  # n of best-of-n
PRICES = (4.0, 2.0, 1.0, 0.5, 0.25, 0.125)  # other beta, for the curve of optima


def ask(town: Town, part: list[Subject], gold: Gold, count: int) -> list[Possible]:
    """Questions, half of them about subjects that are known."""
    draw, found = random.Random(0), []
    for known in (True, False):
        some = [s for s in part if (s.times >= 16 if known else s.times == 0)]
        talks = []
        for manner, said in (("short", None), ("polite", "Be polite.")):
            asking = {relation: ways[:1] for relation, ways in ASKING.items()}
            talks += write_questions(
                town.world, some, asking=asking, order=said, manner=manner
            )
        found += draw.sample(talks, count // 2)
    return [enumerate_answers(talk, gold) for talk in found]


class Task:
    """Questions, what the reference thinks of their answers, and where one ends."""

    def __init__(self) -> None:
        self.model = load_model("mini-sft").eval()
        self.tokenizer = load_tokenizer("mini-sft")
        town = build_town(0)
        self.parts = {
            "train": ask(town, town.learn, Gold(), QUESTIONS),
            "held_out": ask(town, town.test, Gold(), QUESTIONS),
        }
        self.known = {part: self.table(self.model, part) for part in self.parts}
        self.town = town

    def widen(self) -> None:
        """Have many more questions to train on, too."""
        if "wide" not in self.parts:
            self.parts["wide"] = ask(self.town, self.town.learn, Gold(), WIDE)
            self.known["wide"] = self.table(self.model, "wide")

    def table(self, model, part: str) -> list[torch.Tensor]:
        return answer_table(model, self.tokenizer, self.parts[part])

    def where(self, tables: list[torch.Tensor], part: str) -> dict:
        """Means over the questions of a part."""
        rows = zip(tables, self.known[part], self.parts[part], strict=True)
        found = [
            {
                **locate(now, known, q.rewards, beta=BETA)._asdict(),
                "rare": now.softmax(0)[known.softmax(0) < RARE].sum().item(),
            }
            for now, known, q in rows
        ]
        return {key: mean([one[key] for one in found]) for key in found[0]}

    def exact(self, make: Callable) -> dict:
        """Where a policy is that is known without any training."""
        return {
            part: self.where(
                [
                    make(known, q.rewards.double())
                    for known, q in zip(self.known[part], questions, strict=True)
                ],
                part,
            )
            for part, questions in self.parts.items()
            if part != "wide"
        }


def mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 4)


def wins(known: torch.Tensor, rewards: torch.Tensor) -> torch.Tensor:
    """How often each answer is preferred to one drawn from the reference."""
    return torch.sigmoid(rewards[:, None] - rewards) @ known.softmax(0)


class Drawn:
    """Batches of fresh pairs, or of a few pairs again and again."""

    def __init__(
        self, task: Task, part: str, *, seed: int, few: int | None = None
    ) -> None:
        self.task, self.seed, self.few = task, seed, few
        self.known, self.questions = task.known[part], task.parts[part]
        self.pool = self.draw(few, torch.Generator().manual_seed(seed)) if few else []

    def draw(self, count: int, random: torch.Generator) -> list[tuple[int, int, int]]:
        """A question, the answer that was preferred, and the other one."""
        found = []
        for _ in range(count):
            n = int(torch.randint(len(self.known), (), generator=random))
            share = self.known[n].softmax(0)
            both = torch.outer(share, share).fill_diagonal_(0).flatten()
            place = int(torch.multinomial(both, 1, generator=random))
            one, other = divmod(place, len(share))
            worth = self.questions[n].rewards
            better = torch.sigmoid(worth[one] - worth[other])
            first = torch.rand((), generator=random) < better
            found.append((n, one, other) if first else (n, other, one))
        return found

    def __getitem__(self, number: int) -> Preferred:
        if self.few:
            places = order(self.few, PAIRS, number, seed=self.seed)
            pairs = [self.pool[place] for place in places]
        else:
            fresh = torch.Generator().manual_seed(1000 * self.seed + number)
            pairs = self.draw(PAIRS, fresh)
        texts = [(n, a) for n, a, _ in pairs] + [(n, b) for n, _, b in pairs]
        batch = pad([self.example(n, a) for n, a in texts])
        known = [self.known[n][a] for n, a in texts]
        return Preferred(*batch, torch.stack(known).float())

    def example(self, n: int, a: int) -> Example:
        """A question and one of its answers as a text."""
        question = self.questions[n]
        return encode_answer(
            self.task.tokenizer, question.talk.prompt, question.texts[a]
        )


def run(task: Task, kind: str, seed: int) -> Iterator[tuple[int, object]]:
    """Steps done, and the policy."""
    policy = copy.deepcopy(task.model).requires_grad_(True)
    config = TrainConfig(STEPS[kind], **(PPO_RATES if kind == "ppo" else RATES))
    if kind == "ppo":
        model = ActorCritic(policy, copy.deepcopy(policy))
        talks = [q.talk for q in task.parts["train"]]
        steps = ppo(
            model,
            task.model,
            [encode_chat(task.tokenizer, talk.prompt) for talk in talks],
            by_gold(talks, task.tokenizer, Gold()),
            end=task.tokenizer.end_ids[-1],
            config=PPOConfig(answers=4 * PAIRS, epochs=1, beta=BETA),
            training=config,
            seed=1000 * seed,
        )
    else:
        if kind == "wide":
            task.widen()
        part, few = (
            "wide" if kind == "wide" else "train",
            FEW if kind == "few" else None,
        )
        batches = Drawn(task, part, seed=seed, few=few)
        loss = (ipo_loss if kind == "ipo" else dpo_loss)(BETA)
        steps = train(policy, batches, loss, config)
    for step in tqdm(steps, total=config.steps, desc=f"{kind} {seed}", mininterval=60):
        yield step.number + 1, policy


def seen(task: Task, kind: str, seed: int) -> dict:
    """A run: where it is now and then."""
    began, looks, spent = time.process_time(), [], 0.0
    for done, policy in run(task, kind, seed):
        if done not in [round(part * STEPS[kind]) for part in LOOKS]:
            continue
        spent += time.process_time() - began
        parts = ["train"] if done < STEPS[kind] else ["train", "held_out"]
        tables = {part: task.table(policy.eval(), part) for part in parts}
        here = {part: task.where(tables[part], part) for part in parts}
        looks.append({"step": done, "seconds": round(spent, 1)} | here)
        if kind == "few":
            looks[-1]["moved"] = moved(task, tables["train"], seed)
        print(kind, seed, looks[-1], flush=True)
        began = time.process_time()
    return {"kind": kind, "seed": seed, "looks": looks}


def moved(task: Task, tables: list[torch.Tensor], seed: int) -> list[float]:
    """What the chosen answers of the few pairs have gained, and the rejected ones."""
    pool, known = Drawn(task, "train", seed=seed, few=FEW).pool, task.known["train"]
    gains = [now - then for now, then in zip(tables, known, strict=True)]
    chosen = [gains[n][a].item() for n, a, _ in pool]
    return [mean(chosen), mean([gains[n][b].item() for n, _, b in pool])]


def known(task: Task) -> dict:
    """All that needs no training."""
    inside = {
        part: mean([table.exp().sum().item() for table in tables])
        for part, tables in task.known.items()
    }
    return {
        "inside": inside,
        "reference": task.exact(lambda p, r: p.log_softmax(0)),
        "optimum": task.exact(lambda p, r: optimum(p, r, beta=BETA)),
        "prices": PRICES,
        "optima": [task.exact(lambda p, r, b=b: optimum(p, r, beta=b)) for b in PRICES],
        "times": TIMES,
        "best_of": [task.exact(lambda p, r, n=n: best_of(p, r, n=n)) for n in TIMES],
        "ipo": task.exact(lambda p, r: optimum(p, wins(p, r), beta=BETA)),
        "ipo_low": task.exact(lambda p, r: optimum(p, wins(p, r), beta=BETA / 5)),
        "grpo": task.exact(lambda p, r: grpo_rest(p, r, beta=BETA)),
        "grpo_plain": task.exact(
            lambda p, r: grpo_rest(p, r, beta=BETA, by_deviation=False)
        ),
    }


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--kinds", default=",".join(STEPS), help="Which of them.")
def main(file: Path, kinds: str) -> None:
    """Add to FILE what is not there yet."""
    torch.set_num_threads(1)
    task = Task()
    runs = json.loads(file.read_text("utf-8"))["runs"] if file.exists() else []
    there = {(one["kind"], one["seed"]) for one in runs}
    wanted = [(kind, seed) for seed in SEEDS for kind in kinds.split(",")]
    found = {"command": f"python benchmarks/gauge.py {file.name}", "beta": BETA}
    found["exact"] = known(task)
    for kind, seed in wanted:
        if (kind, seed) not in there:
            runs.append(seen(task, kind, seed))
        found["runs"] = runs
        file.write_text(json.dumps(found, separators=(",", ":")), "utf-8")


if __name__ == "__main__":
    main()
