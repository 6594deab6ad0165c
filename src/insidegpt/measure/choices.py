"""Questions with four options, and ways to ask a model for one of them.

Either an option is written after the question, and the likeliest wins; or all four are
shown, and the likeliest of the letters A to D; or the model writes what it likes and a
program looks for the answer in it. Page: code/evaluation.
"""

import json
import math
import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from insidegpt.infer.generate import generate_batch
from insidegpt.measure.likelihood import ending_logprobs
from insidegpt.model.gpt import GPT
from insidegpt.text.chat import encode_chat
from insidegpt.text.interface import Tokenizer

LETTERS = "ABCD"
ROWS = 25  # answers that are written at a time


class Item(NamedTuple):
    """A question, what may be answered, and the place of the right answer."""

    question: str
    options: tuple[str, ...]
    answer: int


class Way(NamedTuple):
    """How to ask: {question} is filled in, and {options} where they are shown."""

    wording: str
    chat: bool = False  # as a user's message; else as a text to go on with


SHOWN = "{question}\n{options}\n"
WAYS = {
    "the bare question": Way("{question}"),
    "question, answer": Way("Question: {question}\nAnswer:"),
    "with an introduction": Way(
        "Here is a question of general knowledge and its answer.\n\nQ: {question}\nA:"
    ),
    "chat": Way("{question}", chat=True),
    "letters": Way(f"Question: {SHOWN}Answer:"),
    "letters, with an introduction": Way(
        "The following is a multiple choice question about general knowledge.\n\n"
        f"{SHOWN}Answer:"
    ),
    "letters, chat": Way(f"{SHOWN}Answer with one letter.", chat=True),
}


class Scored(NamedTuple):
    """How likely a model finds each option of an item, or its letter."""

    item: Item
    logprobs: list[float]  # of an option as a whole, nats
    tokens: list[int]  # that it has

    def pick(self, per: str = "option") -> int:
        """The option with the largest log-probability ``per`` option, token or byte."""
        sizes = {
            "option": [1] * len(self.tokens),
            "token": self.tokens,
            "byte": [len(option.encode()) for option in self.item.options],
        }[per]
        means = [p / n for p, n in zip(self.logprobs, sizes, strict=True)]
        return means.index(max(means))

    @property
    def sure(self) -> float:
        """The probability of the likeliest option, these alone considered."""
        top = max(self.logprobs)
        return 1 / sum(math.exp(p - top) for p in self.logprobs)


@cache
def general_knowledge() -> tuple[Item, ...]:
    """One hundred questions; each of the four places has the answer 25 times."""
    text = (files("insidegpt.measure") / "tasks" / "general.jsonl").read_text("utf-8")
    rows = map(json.loads, text.splitlines())
    return tuple(Item(r["question"], tuple(r["options"]), r["answer"]) for r in rows)


def turn_options(item: Item, by: int) -> Item:
    """The same with every option ``by`` places further on, the last ones first."""
    count = len(item.options)
    places = [(place - by) % count for place in range(count)]
    options = tuple(item.options[place] for place in places)
    return Item(item.question, options, (item.answer + by) % count)


def encode_item(
    tokenizer: Tokenizer, item: Item, way: Way
) -> tuple[list[int], list[list[int]]]:
    """Ids of the prompt, and of what may follow it: the options, or their letters."""
    shown = [f"{n}. {o}" for n, o in zip(LETTERS, item.options, strict=True)]
    text = way.wording.format(question=item.question, options="\n".join(shown))
    endings = LETTERS if "{options}" in way.wording else item.options
    space = "" if way.chat else " "
    if way.chat:
        prompt = encode_chat(tokenizer, [{"role": "user", "content": text}])
    else:
        prompt = tokenizer.encode(text)
    return prompt, [tokenizer.encode(f"{space}{ending}") for ending in endings]


def score_options(
    model: GPT, tokenizer: Tokenizer, items: Iterable[Item], way: Way
) -> list[Scored]:
    """The log-probability of every option of each item."""
    items = list(items)
    pairs = [encode_item(tokenizer, item, way) for item in items]
    prompts = [prompt for prompt, endings in pairs for _ in endings]
    endings = [ending for _, several in pairs for ending in several]
    found = ending_logprobs(model, prompts, endings, rows=16)
    sizes = [len(several) for _, several in pairs]
    return [
        Scored(item, logprobs.tolist(), [len(ending) for ending in several])
        for item, logprobs, (_, several) in zip(
            items, found.split(sizes), pairs, strict=True
        )
    ]


def written_answers(
    model: GPT,
    tokenizer: Tokenizer,
    items: Sequence[Item],
    way: Way,
    *,
    max_new_tokens: int = 24,
) -> list[str]:
    """What the model writes itself, greedily."""
    prompts = [encode_item(tokenizer, item, way)[0] for item in items]
    said = []
    for start in range(0, len(prompts), ROWS):
        said += generate_batch(
            model,
            prompts[start : start + ROWS],
            max_new_tokens=max_new_tokens,
            stop_ids=tokenizer.end_ids,
        )
    return [tokenizer.decode(ids) for ids in said]


def is_exactly(item: Item, text: str) -> bool:
    """Whether a text is the answer and nothing else, but for case, article and stop."""
    return _plain(text) == _plain(item.options[item.answer])


def has_only(item: Item, text: str) -> bool:
    """Whether the answer, and no other option, is somewhere in a text as a word."""
    words = f" {_plain(text)} "
    said = [f" {_plain(option)} " in words for option in item.options]
    return said == [place == item.answer for place in range(len(said))]


def letter_of(text: str) -> int | None:
    """The place of the first letter A to D that stands alone; None without one."""
    found = re.search(r"\b[ABCD]\b", text)
    return LETTERS.index(found[0]) if found else None


def _plain(text: str) -> str:
    words = re.sub(r"[^\w\s]", " ", text.lower()).split()
    return " ".join(words[1:] if words[:1] in (["the"], ["a"], ["an"]) else words)
