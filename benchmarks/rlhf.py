"""PPO on `mini-sft`: by the truth, by reward models, and by rewards with a flaw.

    python benchmarks/rlhf.py rlhf.json
    python benchmarks/rlhf.py rlhf.json --starts 8

By the truth, held near the SFT model or with nothing that holds the policy back; by
reward models of four kinds of annotators with nothing that holds it back, and of three
kinds held; and by rewards that make models bluff or refuse. Five seeds of the three
that are compared, one by the truth with nothing that holds, three of the others: the
seed is that of the draws, the reward model stays. A run is kept in the file when it is
done, and is not made twice. Stored as rlhf.json of show/records, and shown on
code/rlhf. Settings were chosen on the validation subjects of world 0; the test subjects
are measured beside them, at each point with one answer to a question, drawn with
seed 0. How much such a point owes to its draw is seen at the start, which --starts
measures with several seeds. Three to seven minutes a run on a core, three hours
altogether; on a GPU with --device cuda less than two minutes each.
"""

import copy
import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import NamedTuple

import click
from tqdm import tqdm

import insidegpt
from insidegpt.align.ppo import ActorCritic, PPOConfig, ppo
from insidegpt.align.reward import RewardModel, reward_loss
from insidegpt.align.rollout import roll_out
from insidegpt.align.stages import (
    ANNOTATORS,
    REWARD,
    RL,
    build_town,
    by_gold,
    by_model,
    choices_of,
    comparisons,
    questions,
)
from insidegpt.measure.standing import MAX_NEW_TOKENS, Standing, assess
from insidegpt.model.gpt import GPT
from insidegpt.text.chat import encode_chat
from insidegpt.text.world.dialogues import Talk
from insidegpt.text.world.preferences import Annotator, Gold
from insidegpt.train.loop import TrainConfig, train

EVERY = 20  # steps; then the policy is measured
EXAMPLES = 24  # answers that are kept of a run


def tens(steps: list[tuple[float, ...]]) -> list[list[float]]:
    """Means over ten steps each of what was logged."""
    parts = [steps[i : i + 10] for i in range(0, len(steps), 10)]
    return [
        [round(sum(values) / len(values), 3) for values in zip(*part, strict=True)]
        for part in parts
    ]


def rounded(stands: Standing) -> list[float | None]:
    """What a file can hold: three digits, and no NaN."""
    return [round(x, 3) if x == x else None for x in stands]


def one_turn(talks: list[Talk]) -> list[Talk]:
    """Questions without a conversation before them: short, so that a step is."""
    return [talk for talk in talks if len(talk.prompt) <= 2]


class Bench:
    """World 0, its SFT model, and questions to learn from and to measure with."""

    def __init__(self, device: str) -> None:
        self.town, self.tokenizer = build_town(0), insidegpt.load_tokenizer("mini-sft")
        start = insidegpt.load_model("mini-sft", trainable=True)
        self.device, self.reference = device, start.eval().to(device)
        self.judges: dict[str, RewardModel] = {}
        town = self.town
        self.learn = one_turn(questions(town, town.learn, count=12_000, seed=3))
        self.valid = one_turn(questions(town, town.valid, count=1_000, seed=1))
        self.test = one_turn(questions(town, town.test, count=2_000, seed=2))
        self.prompts = [encode_chat(self.tokenizer, talk.prompt) for talk in self.learn]

    def judge(self, name: str) -> RewardModel:
        """A reward model of what an annotator chose, made once."""
        if name in self.judges:
            return self.judges[name]
        choices = choices_of(self.town, ANNOTATORS[name])
        batches = comparisons(choices, self.tokenizer)
        model = RewardModel(copy.deepcopy(self.reference).requires_grad_(True))
        config = dataclasses.replace(REWARD, device=self.device)
        loop = train(model, batches, reward_loss, config)
        for _ in tqdm(loop, total=REWARD.steps, leave=False):
            pass
        self.judges[name] = model.eval()
        return self.judges[name]

    def run(self, plan: "Plan") -> dict:
        """Train, and measure now and then."""
        judge, grade = None, None
        if isinstance(plan.grader, Gold):
            grade = by_gold(self.learn, self.tokenizer, plan.grader)
        else:
            judge = self.judge(plan.grader)
            grade = by_model(self.learn, self.tokenizer, judge)
        policy = copy.deepcopy(self.reference).requires_grad_(True)
        model = ActorCritic(policy, copy.deepcopy(policy))
        training = dataclasses.replace(plan.training, device=self.device)
        began, steps = time.perf_counter(), []
        points = [self.look(policy, 0, judge)]
        loop = ppo(
            model, self.reference, self.prompts, grade, config=plan.config,
            training=training, end=self.tokenizer.end_ids[-1], seed=plan.seed,
        )  # fmt: skip
        for step in tqdm(loop, total=plan.training.steps, leave=False):
            steps.append(step[1:])
            if (step.number + 1) % EVERY == 0:
                points.append(self.look(policy, step.number + 1, judge))
        seconds = round(time.perf_counter() - began)
        print(seconds, points[0]["test"], points[-1]["test"], file=sys.stderr)
        person = (
            Annotator(gold=plan.grader) if judge is None else ANNOTATORS[plan.grader]
        )
        (first, _), (last, some) = (
            self.say(m, person) for m in (self.reference, policy)
        )
        found = {"seed": plan.seed, "seconds": seconds, "steps": tens(steps)}
        return found | {"points": points, "likes": [first, last], "examples": some}

    def say(self, policy: GPT, person: Annotator) -> tuple[float, list[list[str]]]:
        """How an annotator likes the answers to all test questions, and some of them:
        question, manner, the right answer, what was said."""
        prompts = [encode_chat(self.tokenizer, talk.prompt) for talk in self.test]
        drawn = roll_out(
            policy.eval(), prompts, max_new_tokens=MAX_NEW_TOKENS,
            end=self.tokenizer.end_ids[-1], seed=0,
        )  # fmt: skip
        texts = [self.tokenizer.decode(answer) for answer in drawn.answers]
        pairs = list(zip(self.test, texts, strict=True))
        likes = sum(person.likes(talk, text) for talk, text in pairs) / len(pairs)
        some = pairs[: 3 * EXAMPLES : 3]
        return round(likes, 3), [
            [talk.prompt[-1]["content"], talk.manner, talk.answer, text]
            for talk, text in some
        ]

    def starts(self, draws: int) -> dict:
        """Where the start is, by one draw after another."""
        found = {}
        for name, talks in (("valid", self.valid), ("test", self.test)):
            stands = [
                assess(self.reference, self.reference, self.tokenizer, talks, seed=seed)
                for seed in tqdm(range(draws), leave=False)
            ]
            found[name] = [rounded(one) for one in stands]
        return found

    def look(self, policy: GPT, step: int, judge: RewardModel | None) -> dict:
        """How the policy stands with the validation and the test subjects."""
        found = {"step": step}
        for name, talks in (("valid", self.valid), ("test", self.test)):
            proxy = by_model(talks, self.tokenizer, judge) if judge else None
            stands = assess(policy, self.reference, self.tokenizer, talks, proxy=proxy)
            found[name] = rounded(stands)
        return found


# Which runs there are ---------------------------------------------------------------


class Plan(NamedTuple):
    """Who grades (a worth of answers, or annotators whose choices are learned), how."""

    grader: Gold | str
    config: PPOConfig
    training: TrainConfig
    seed: int = 0


def name_of(name: str, seed: int) -> str:
    """How a run is called in the record: the first without a number, but for gold."""
    return f"{name} {seed}" if seed or name == "gold" else name


STEADY = PPOConfig(answers=128, max_new_tokens=24, epochs=1, beta=0.05)
LOOSE = dataclasses.replace(STEADY, answers=64, beta=0.0)
HELD = dataclasses.replace(LOOSE, beta=0.2)
FAR = dataclasses.replace(RL, steps=160, decay=0.0)  # on and on
SHORT = dataclasses.replace(FAR, steps=80)
ONCE = {
    "gold": Plan(Gold(), STEADY, RL),
    "hasty, held": Plan("hasty", STEADY, RL),
    "careful, held": Plan("careful", STEADY, RL),
    "bluff": Plan(Gold(wrong=0.0, admitted=0.0), LOOSE, SHORT),  # errors are free
    "refuse": Plan(Gold(wrong=-8.0), LOOSE, SHORT),  # one costs more than can be gained
    "wordy": Plan("wordy", LOOSE, FAR),
    "wordy, held": Plan("wordy", HELD, FAR),
    "polite": Plan("polite", LOOSE, FAR),
    "hasty": Plan("hasty", LOOSE, FAR),
    "careful": Plan("careful", LOOSE, FAR),
    "gold, on and on": Plan(Gold(), LOOSE, FAR),
}
SEEDS = {"gold": 5, "hasty, held": 5, "careful, held": 5, "gold, on and on": 1}
PLANS = {
    name_of(name, seed): plan._replace(seed=seed)
    for name, plan in ONCE.items()
    for seed in range(SEEDS.get(name, 3))
}


@click.command()
@click.argument("record", type=Path)
@click.option("--device", default="cpu", show_default=True)
@click.option("--starts", help="Measure the start so often, and no run.", type=int)
def main(record: Path, device: str, starts: int | None) -> None:
    """Make the runs that the file RECORD doesn't have yet."""
    kept = {"command": "python benchmarks/rlhf.py rlhf.json", "runs": {}}
    kept = json.loads(record.read_text("utf-8")) if record.exists() else kept
    bench = Bench(device)
    if starts:
        kept["starts"] = bench.starts(starts)
        record.write_text(json.dumps(kept, separators=(",", ":")) + "\n", "utf-8")
        return
    for name, plan in PLANS.items():
        if name not in kept["runs"]:
            print(name, file=sys.stderr, flush=True)
            kept["runs"][name] = bench.run(plan)
            record.write_text(json.dumps(kept, separators=(",", ":")) + "\n", "utf-8")


if __name__ == "__main__":
    main()
