"""A test that was in the training text: planted, and found from outside.

A test's questions can be put into any order, so a model that has never seen the file
finds no order likelier than another. One that has read it prefers the order of the file
(Oren et al. 2024). Page: code/evaluation.
"""

import random
from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from insidegpt.measure.likelihood import ending_logprobs
from insidegpt.model.gpt import GPT
from insidegpt.text.interface import Tokenizer
from insidegpt.text.world.documents import Cloze, short
from insidegpt.text.world.facts import RELATIONS, RULES, Subject, World
from insidegpt.text.world.phrases import SHORT
from insidegpt.text.world.questions import ASKING, QUESTIONS
from insidegpt.text.world.unseen import HELD_OUT


class Exam(NamedTuple):
    """Questions about facts of a world, three wordings of each, and the file."""

    lines: list[str]  # "Where does Ada Holm live? In Oslo.", in the file's order
    asked: list[Cloze]  # as in the file, up to the value
    reworded: list[Cloze]  # another question about the same fact
    told: list[Cloze]  # the same fact as a sentence to complete

    @property
    def file(self) -> str:
        """All lines as one document; each begins with a space, the first one, too."""
        return "".join(f" {line}" for line in self.lines)

    def ids(self, tokenizer: Tokenizer) -> list[list[int]]:
        """The ids of each line, which together are those of the file."""
        return [tokenizer.encode(f" {line}") for line in self.lines]


def write_exams(world: World, *, count: int, seed: int = 0) -> tuple[Exam, Exam]:
    """Two exams about different facts of the same kind, in orders drawn at random.

    Facts that follow from a rule are left out, and so are the wordings of documents
    for ``reworded`` and ``told``. Raises ValueError where the facts don't suffice.
    """
    draw = random.Random(seed)
    facts = [
        (s, r) for s in world.subjects for r in RELATIONS[s.kind] if r not in RULES
    ]
    if not 1 <= count <= len(facts) // 2:
        raise ValueError(f"count must be from 1 to {len(facts) // 2}, not {count}.")
    chosen = draw.sample(facts, 2 * count)
    first, second = chosen[:count], chosen[count:]
    return _exam(world, first, draw), _exam(world, second, draw)


def _exam(
    world: World, facts: Sequence[tuple[Subject, str]], draw: random.Random
) -> Exam:
    exam = Exam([], [], [], [])
    for subject, relation in facts:
        question = draw.choice(ASKING[relation]).format(name=subject.name)
        other = QUESTIONS[relation][-1].format(name=subject.name)
        value = world.truth[subject.name, relation]
        exam.lines.append(f"{question} {short(relation, value)}")
        before = SHORT[relation].partition("{value}")[0].rstrip()
        told = HELD_OUT[relation][0].format(name=subject.name, value="").rstrip()
        values = RELATIONS[subject.kind][relation]
        truth = values.index(value)
        for part, prompt in (
            (exam.asked, f"{question} {before}"),
            (exam.reworded, f"{other} {before}"),
            (exam.told, told),
        ):
            choices = [f" {value}" for value in values]
            part.append(Cloze(subject, relation, prompt, choices, truth))
    return exam


class OrderTest(NamedTuple):
    """How likely a model finds a file in its order, and in others; nats."""

    file: float
    shuffled: Float[Tensor, " orders"]

    @property
    def p(self) -> float:
        """How often chance alone would put the file so high or higher.

        Where no order is special, each rank of the file among all orders is equally
        likely, so that p is at most 0.05 in at most 5 of 100 tests, whatever the model.
        """
        beaten = (self.shuffled >= self.file).sum().item()
        return (1 + beaten) / (1 + len(self.shuffled))


def order_test(
    model: GPT,
    items: Sequence[Sequence[int]],
    *,
    start: int,
    orders: int = 99,
    shard: int = 8,
    seed: int = 0,
) -> OrderTest:
    """Compare the file's order with ``orders`` others (Oren et al. 2024, equation 1).

    items: the ids of each line, in the file's order. They are read ``shard`` lines at a
    time, after the token ``start``, and shuffled within these pieces, so that a file
    may be longer than the model's context. Raises ValueError for fewer than two lines
    in a piece or no order to compare with.
    """
    if shard < 2 or len(items) < 2 or orders < 1:
        raise ValueError("An order needs two lines at least, and one other order.")
    draw = random.Random(seed)
    pieces = [list(items[n : n + shard]) for n in range(0, len(items), shard)]
    files = [pieces, *([draw.sample(p, len(p)) for p in pieces] for _ in range(orders))]
    texts = [[i for line in piece for i in line] for file in files for piece in file]
    found = ending_logprobs(model, [[start]] * len(texts), texts)
    totals = found.double().view(orders + 1, len(pieces)).sum(1)
    return OrderTest(totals[0].item(), totals[1:])
