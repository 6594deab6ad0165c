"""Reward models from annotators who are careful, hasty, or fond of something.

    python benchmarks/reward_model.py run 0 careful mini-sft --folder rm >> runs.jsonl
    …                                 run 0 hasty, polite, wordy, graded, last, before
    python benchmarks/reward_model.py run 1 careful sft1 --folder rm >> runs.jsonl
    …                                 run 2 hasty sft2 and so on
    python benchmarks/reward_model.py gather runs.jsonl > reward_model.json

``run`` takes a world, one of RUNS, and the model after SFT that it begins with
(worlds 1 and 2: made as world 0's is, see align.stages). About two minutes each on a
core; a model that lies in ``--folder`` already isn't trained again. Settings were
chosen on the validation part of world 0; all that is stored is about the test part.
Stored as reward_model.json of show/records, and shown on code/reward-model.
"""

import json
import random
import sys
import time
from collections import defaultdict
from pathlib import Path

import click
import torch

import insidegpt
from insidegpt.align.reward import (
    RewardModel,
    encode_answer,
    rate,
    reward_loss,
    whole_texts,
)
from insidegpt.align.stages import (
    ANNOTATORS,
    REWARD,
    build_town,
    choices_of,
    comparisons,
    encode_choices,
    questions,
)
from insidegpt.measure.calibration import calibration_error, reliability
from insidegpt.text.batches import IGNORED
from insidegpt.text.world.dialogues import answer_with
from insidegpt.text.world.facts import RELATIONS
from insidegpt.text.world.preferences import Annotator, Gold, sayings, write_choices
from insidegpt.train.loop import train
from insidegpt.train.loss import token_logprobs

# Graded: as many errors as the hasty make, but fewer the more is at stake.
PEOPLE = ANNOTATORS | {"graded": Annotator(doubt=0.9)}
# Careful annotators, twice: a reward without belief, and the chat model's own
# log-probabilities, with no training at all.
RUNS = (*PEOPLE, "last", "before")
TEST, MINIMAL = 2500, 60  # questions for held-out pairs; of each group in MINIMAL
BINS = 10


def group_of(talk) -> str:
    """How well the trunk can know: told often, seldom, or never."""
    times = talk.subject.times
    return "often" if times >= 64 else "seldom" if times else "never"


class InGroups(RewardModel):
    """The same rewards in less time: texts of like length are read together."""

    def forward(self, ids: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        places = torch.arange(ids.shape[1])
        lengths = torch.where(targets != IGNORED, places, -1).amax(1) + 2
        order, rewards = lengths.argsort(), []
        for some in order.chunk(4):
            wide = lengths[some].max()
            rewards.append(super().forward(ids[some, :wide], targets[some, :wide]))
        return torch.cat(rewards)[order.argsort()]


class Rater:
    """A reward model, the model that it began as, and their tokenizer."""

    def __init__(self, source: str, name: str) -> None:
        self.tokenizer = insidegpt.load_tokenizer(source)
        self.reference = insidegpt.load_model(source).eval()
        self.model = InGroups(insidegpt.load_model(source, trainable=True))
        if name == "last":
            self.model.belief.requires_grad_(False)

    def differences(self, choices) -> torch.Tensor:
        """Reward of what was chosen less that of what was rejected."""
        pairs = encode_choices(choices, self.tokenizer)
        sides = ([getattr(p, s) for p in pairs] for s in ("chosen", "rejected"))
        chosen, rejected = (torch.tensor(rate(self.model, side)) for side in sides)
        return chosen - rejected

    def rewards(self, asked) -> list[float]:
        """Of answers to talks."""
        return rate(
            self.model, [encode_answer(self.tokenizer, t.prompt, a) for t, a in asked]
        )

    @torch.no_grad()
    def likelihoods(self, talk, answers) -> torch.Tensor:
        """Log-probabilities that the model before training gives."""
        texts = [encode_answer(self.tokenizer, talk.prompt, a) for a in answers]
        ids, targets = whole_texts(texts)
        return token_logprobs(self.reference(ids), targets).sum(1)


@click.group()
def main() -> None:
    """Trainings, a line of JSON each, and ``gather`` for the record of them."""


@main.command()
@click.argument("world", type=int)
@click.argument("name", type=click.Choice(RUNS))
@click.argument("source")
@click.option("--folder", type=click.Path(path_type=Path))
def run(world: int, name: str, source: str, folder: Path | None) -> None:
    """Train one, and measure it on those who were kept for the test."""
    annotator = PEOPLE.get(name, PEOPLE["careful"])
    town, rater = build_town(world), Rater(source, name)
    taught = choices_of(town, annotator, seed=world)
    found = {}
    if name == "before":
        torch.nn.init.ones_(rater.model.belief)
    else:
        kept = folder and folder / f"rm_{world}_{name}.pt"
        found = learn(rater, taught, world, kept)
    rater.model.eval()
    talks = questions(town, town.test, count=TEST, seed=2000 + world)
    tested = write_choices(talks, annotator, seed=world)
    line = {"world": world, "name": name, "taught": len(taught)} | found
    line["belief"] = round(rater.model.belief.item(), 3)
    line |= judged(rater, tested)
    sample = random.Random(0).sample(taught, 600)
    line["on taught"] = judged(rater, sample)["accuracy"]
    if world == 0:
        line["minimal"] = minimal(rater, talks, annotator, town.world.truth)
        line["believed"] = believed(rater, talks)
    print(json.dumps(line), flush=True)
    print({k: v for k, v in line.items() if len(str(v)) < 400}, file=sys.stderr)


def learn(rater: Rater, taught, world: int, kept: Path | None) -> dict:
    """Train, or read what was trained already."""
    if kept and kept.exists():
        rater.model.load_state_dict(torch.load(kept))
        return {}
    began, losses = time.process_time(), []
    batches = comparisons(taught, rater.tokenizer, seed=world)
    for step in train(rater.model, batches, reward_loss, REWARD):
        losses.append(step.loss)
    if kept:
        torch.save(rater.model.state_dict(), kept)
    tenths = [losses[n : n + 20] for n in range(0, len(losses), 20)]
    return {
        "losses": [round(sum(some) / len(some), 3) for some in tenths],
        "seconds": round(time.process_time() - began),
    }


def judged(rater: Rater, choices) -> dict:
    """How often it is of gold's opinion, and of its annotator's, and how surely."""
    ahead = rater.differences(choices)
    as_gold = [
        (d > 0) != c.flipped for d, c in zip(ahead.tolist(), choices, strict=True)
    ]
    cells, worths, against = defaultdict(list), defaultdict(list), defaultdict(list)
    for choice, good, d in zip(choices, as_gold, ahead.tolist(), strict=True):
        group = group_of(choice.talk)
        cells[f"{choice.kind}, {group}"].append(good)
        if choice.kind == "honesty":
            against[f"{'right' if is_right_in(choice) else 'wrong'}, {group}"].append(
                good
            )
        if group != "seldom":
            worths[gold_difference(choice)].append(-d if choice.flipped else d)
    p = torch.sigmoid(ahead.double())
    sure, agreed = torch.maximum(p, 1 - p), p > 0.5
    bins = reliability(sure.numpy(), agreed.numpy(), bins=BINS)
    return {
        "accuracy": {k: [sum(v), len(v)] for k, v in sorted(cells.items())},
        "honesty against": {k: [sum(v), len(v)] for k, v in sorted(against.items())},
        "flipped": sum(c.flipped for c in choices),
        "bins": [[round(b.sure, 3), round(b.right, 3), b.count] for b in bins],
        "calibration error": round(calibration_error(bins), 4),
        "by worth": [
            [w, round(sum(v) / len(v), 2), sum(d > 0 for d in v), len(v)]
            for w, v in sorted(worths.items())
        ],
    }


def is_right_in(choice) -> bool:
    """Whether one of the two answers has the right value."""
    said = {text: value for value, _, text in sayings(choice.talk)}
    true = said[choice.talk.answer]
    return true is not None and true in (said[choice.chosen], said[choice.rejected])


def gold_difference(choice) -> float:
    """What the better answer is worth more."""
    gold = Gold()
    return abs(gold(choice.talk, choice.chosen) - gold(choice.talk, choice.rejected))


def minimal(rater: Rater, talks, annotator, truth) -> dict:
    """For short answers, what each change of the right one does to the reward.

    For each change: mean difference of reward, its standard error, the share of
    questions at which the changed answer is ahead, and the means by gold and by the
    annotator's liking.
    """
    found = {}
    for group in ("often", "seldom", "never"):
        some = [t for t in talks if t.manner == "short" and group_of(t) == group]
        some = some[:MINIMAL]
        answers = [changes(rater, talk, n, truth) for n, talk in enumerate(some)]
        flat = [(t, a) for t, v in zip(some, answers, strict=True) for a in v.values()]
        scores = iter(rater.rewards(flat))
        rows = [{name: next(scores) for name in v} for v in answers]
        found[group] = {
            name: summary(some, answers, rows, name, annotator)
            for name in answers[0]
            if name != "right"
        }
    return found


def believed(rater: Rater, talks) -> dict:
    """Of short answers: whether the chat model finds the right one likelier than all
    others, or which else; and how often the reward model puts that wrong one first.
    """
    found = {}
    for group in ("often", "seldom"):
        some = [t for t in talks if t.manner == "short" and group_of(t) == group]
        asked, wrong = [], []
        for talk in some[: 2 * MINIMAL]:
            values = RELATIONS[talk.subject.kind][talk.relation]
            said = [
                answer_with(talk.subject, talk.relation, v, "short") for v in values
            ]
            said.sort(key=lambda text: text != talk.answer)  # the right one first
            likely = rater.likelihoods(talk, said)
            other = likely[1:].argmax().item() + 1
            asked += [(talk, said[0]), (talk, said[other])]
            wrong.append(bool(likely[other] > likely[0]))
        rewards = torch.tensor(rater.rewards(asked)).view(-1, 2)
        first = (rewards[:, 1] > rewards[:, 0]).tolist()
        for name, which in (("right", False), ("wrong", True)):
            cell = [f for f, w in zip(first, wrong, strict=True) if w == which]
            found[f"{name}, {group}"] = [sum(cell), len(cell)]
    return found


def summary(talks, answers, rows, name, annotator) -> list[float]:
    """One change over all questions."""
    d = torch.tensor([row[name] - row["right"] for row in rows], dtype=torch.float64)
    likes, gold = [], []
    for talk, v in zip(talks, answers, strict=True):
        gold.append(annotator.gold(talk, v[name]) - annotator.gold(talk, v["right"]))
        likes.append(annotator.likes(talk, v[name]) - annotator.likes(talk, v["right"]))
    error = d.std().item() / len(d) ** 0.5
    means = [d.mean().item(), error, (d > 0).double().mean().item()]
    return [round(x, 3) for x in (*means, sum(gold) / len(d), sum(likes) / len(d))]


def changes(rater: Rater, talk, place: int, truth) -> dict[str, str]:
    """The right answer, and others."""

    def said(value, manner="short"):
        return answer_with(talk.subject, talk.relation, value, manner)

    values = RELATIONS[talk.subject.kind][talk.relation]
    others = [v for v in values if said(v) != talk.answer]
    likely = rater.likelihoods(talk, [said(v) for v in others])
    true = next((v for v in values if said(v) == talk.answer), None)
    wrong = random.Random(place).choice(others)
    right = talk.answer
    found = {
        "right": right,
        "polite": said(true, "polite"),
        "polite twice": f"Gladly. Gladly. {right}",
        "polite three times": f"Gladly. Gladly. Gladly. {right}",
        "sentence": said(true, "sentence"),
        "polite sentence": f"Gladly. {said(true, 'sentence')}",
        "said twice": f"{right} {right}",
        "wrong": said(wrong),
        "wrong, polite": said(wrong, "polite"),
        "wrong, sentence": said(wrong, "sentence"),
        "likeliest wrong": said(others[likely.argmax()]),
        "unlikeliest wrong": said(others[likely.argmin()]),
        "no full stop": right.rstrip("."),
        "nonsense": said("Thank you"),
        "first word alone": right.split()[0],
        "nothing": "",
    }
    if true is not None:
        others = [r for r in RELATIONS[talk.subject.kind] if r != talk.relation]
        other = random.Random(place).choice(others)  # what nobody asked for
        for name, manner in (
            ("elsewhere", "short"),
            ("elsewhere, sentence", "sentence"),
        ):
            told = truth[talk.subject.name, other]
            found[name] = answer_with(talk.subject, other, told, manner)
        found["unknown"] = said(None)
        found["unknown, polite"] = said(None, "polite")
        found["unknown, sentence"] = said(None, "sentence")
    return found


@main.command()
@click.argument("lines", type=click.Path(exists=True, path_type=Path))
def gather(lines: Path) -> None:
    """The record: all runs, in the order of worlds and names."""
    runs = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
    runs = list({(r["world"], r["name"]): r for r in runs}.values())
    runs.sort(key=lambda r: (r["world"], RUNS.index(r["name"])))
    command = "python benchmarks/reward_model.py (run, gather)"
    print(json.dumps({"command": command, "runs": runs}, separators=(",", ":")))


if __name__ == "__main__":
    main()
