"""Plant a test in the training text of `mini`, and look for it from outside.

    python benchmarks/contamination.py > contamination.json

Stored as contamination.json of show/records, and shown on code/evaluation. `mini` goes
on training for 40 steps on documents of its own world, among which a file of 100
questions and answers is put 0 to 16 times. Three seeds, each with a test, a text and an
order of batches of its own; half a minute a run on a core. At last the order test
is tried on files that no model has read, to count its false alarms.
"""

import json
import random
import sys

import click
import torch

import insidegpt
from insidegpt.measure.contamination import order_test, write_exams
from insidegpt.measure.knowledge import quiz
from insidegpt.text.batches import Batches, tokenize
from insidegpt.text.world.documents import write_documents
from insidegpt.text.world.facts import build_world
from insidegpt.train.loop import TrainConfig, train
from insidegpt.train.loss import next_token_loss
from insidegpt.train.material import END

COPIES = (0, 1, 4, 16)
QUESTIONS, STEPS, ROWS, CONTEXT = 100, 40, 24, 128
LR, MATRIX_LR = 1e-3, 0.005
INNOCENT = 40  # files for the count of false alarms


class Bench:
    """A world, and what is the same for all trainings of a seed."""

    def __init__(self, seed: int) -> None:
        self.seed, self.world = seed, build_world(0)
        self.tokenizer = insidegpt.load_tokenizer("mini")
        self.end = self.tokenizer.special[END]
        self.exam, self.other = write_exams(self.world, count=QUESTIONS, seed=seed)
        documents = write_documents(self.world, seed=100 + seed)
        self.texts, tokens = [], 0
        while tokens < STEPS * ROWS * CONTEXT:
            self.texts.append(documents[len(self.texts)])
            tokens += len(self.tokenizer.encode(self.texts[-1])) + 1

    def teach(self, copies: int) -> tuple[torch.nn.Module, dict]:
        """`mini`, after some more steps on a text that has the file so often."""
        texts = [*self.texts, *[self.exam.file] * copies]
        random.Random(self.seed).shuffle(texts)
        tokens = tokenize(self.tokenizer, texts, end=self.end)
        batches = Batches(tokens, context_tokens=CONTEXT, rows=ROWS, seed=self.seed)
        config = TrainConfig(STEPS, lr=LR, matrix_lr=MATRIX_LR, warmup=5)
        model = insidegpt.load_model("mini", trainable=True)
        losses = [s.loss for s in train(model, batches, next_token_loss, config)]
        size = sum(len(ids) for ids in self.exam.ids(self.tokenizer))
        about = {"share": round(copies * size / len(tokens), 4), "loss": losses[-1]}
        return model.eval(), about

    def look(self, model: torch.nn.Module) -> dict:
        """Scores, and whether the file's order gives it away."""
        exams = {
            "asked": self.exam.asked, "reworded": self.exam.reworded,
            "told": self.exam.told, "other": self.other.asked,
        }  # fmt: skip
        found = {
            name: "".join("01"[a.right] for a in quiz(model, self.tokenizer, clozes))
            for name, clozes in exams.items()
        }
        items = self.exam.ids(self.tokenizer)
        test = order_test(model, items, start=self.end, orders=99, seed=self.seed)
        sigma = (test.file - test.shuffled.mean()) / test.shuffled.std()
        return found | {"p": test.p, "sigma": round(sigma.item(), 2)}


@click.command()
@click.option("--seeds", default=3, show_default=True)
def main(seeds: int) -> None:
    """Print the record as JSON."""
    runs, clean = [], None
    for seed in range(seeds):
        bench = Bench(seed)
        for copies in COPIES:
            model, about = bench.teach(copies)
            found = {"seed": seed, "copies": copies} | about | bench.look(model)
            runs.append(found | {"loss": round(found["loss"], 3)})
            print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
            clean = model if copies == 0 else clean
    alarms = []
    for seed in range(INNOCENT):
        exam, _ = write_exams(bench.world, count=QUESTIONS, seed=1000 + seed)
        items = exam.ids(bench.tokenizer)
        test = order_test(clean, items, start=bench.end, orders=19, seed=seed)
        alarms.append(round(test.p, 2))
        print(seed, test.p, file=sys.stderr, flush=True)
    record = {"command": "python benchmarks/contamination.py", "runs": runs}
    record |= {"innocent": alarms}
    json.dump(record, sys.stdout, separators=(",", ":"))


if __name__ == "__main__":
    main()
