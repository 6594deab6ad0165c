"""What a base model and a chat model do, and what the chat model owes to its context.

    python benchmarks/assistant.py forms > forms.json

Groups: world, forms, orders, examples, heads, without; stored together in
assistant.json of show/records, and shown on concepts/from-base-model-to-assistant.
A minute to five each on a core.
"""

import itertools
import json
import random
import re
import statistics
import sys
from collections.abc import Callable, Sequence

import click
import torch
from few_shot import TASKS
from torch import Tensor
from tqdm import tqdm

import insidegpt
from insidegpt.infer.generate import generate_batch
from insidegpt.measure.heads import (
    Head,
    induction_scores,
    previous_scores,
    random_twice,
    silence,
    strongest,
)
from insidegpt.text.chat import encode_chat
from insidegpt.text.world.documents import short
from insidegpt.text.world.facts import build_world
from insidegpt.text.world.questions import ASKING
from insidegpt.train.loss import token_logprobs

QUESTIONS = {  # and what a right answer contains
    "What is the capital of France?": "Paris",
    "Who wrote Romeo and Juliet?": "Shakespeare",
    "What colour is the sky on a clear day?": "blue",
    "How many legs does a spider have?": "eight|8",
    "What do bees make?": "honey",
    "Which planet is known as the Red Planet?": "Mars",
    "What is the largest ocean on Earth?": "Pacific",
    "What do you call frozen water?": "ice",
    "How many days are there in a week?": "seven|7",
    "Which animal barks?": "dog",
    "What is the opposite of hot?": "cold",
    "Who painted the Mona Lisa?": "Leonardo|Vinci",
    "What is the capital of Japan?": "Tokyo",
    "What language do people speak in Brazil?": "Portuguese",
    "What is the freezing point of water in Celsius?": "0|zero",
    "Which metal has the chemical symbol Fe?": "iron",
    "What is the tallest animal in the world?": "giraffe",
    "How many months are there in a year?": "twelve|12",
    "Which gas do plants take in from the air?": "carbon dioxide|CO2",
    "What is the capital of Italy?": "Rome",
    "What is a baby cat called?": "kitten",
    "On which continent is Egypt?": "Africa",
    "What do we use to see?": "eye",
    "What is the currency of the United States?": "dollar",
}
NEW_TOKENS = 40
ORDERS = {  # system message (None: the template's own), and what the user adds
    "none": (None, ""),
    "empty": ("", ""),
    "system: one sentence": ("Answer in one sentence.", ""),
    "user: one sentence": (None, " Answer in one sentence."),
    "system: one word": ("Answer in one word.", ""),
    "user: one word": (None, " Answer in one word."),
    "system: capitals": ("Answer in capital letters.", ""),
    "user: capitals": (None, " Answer in capital letters."),
    "system: French": ("Answer in French.", ""),
    "user: French": (None, " Answer in French."),
    "system: French, user: English": ("Answer in French.", " Answer in English."),
    "system: English, user: French": ("Answer in English.", " Answer in French."),
    "system: never French": ("Never answer in French.", ""),
    "system: Spanish": ("Answer in Spanish.", ""),
    "system: never Spanish": ("Never answer in Spanish.", ""),
}
FRENCH = set(
    "le la les l un une des de du d et est sont il elle dans en pour que qui ce cette "
    "je ne pas au aux sur avec par plus se son sa ses c s".split()
)
SPANISH = set(
    "el la los las un una de del que y en es son por con para se su al lo como más "
    "está fue".split()
)
ENGLISH = set(
    "the of and is are in to it that a for on as with by this an or be has have they "
    "its was which from s".split()
)
POSITIONS = 17  # of a text of examples: the first is asked without any before it
SILENCED = (1, 2, 4, 8, 16)  # heads
DRAWS = 6
LENGTH, TEXTS = 25, 8  # of random tokens that come twice


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def is_in(small_words: set[str], text: str) -> bool:
    """More small words of a language than of English. French and Spanish share some."""
    words = [word.lower() for word in words_of(text)]
    return sum(w in small_words for w in words) > sum(w in ENGLISH for w in words)


CHECKS: dict[str, Callable[[str], bool]] = {
    "one sentence": lambda text: len(re.findall(r"[.!?](?=\s|\"|$)", text)) == 1,
    "one word": lambda text: len(words_of(text)) == 1,
    "capitals": lambda text: text.upper() == text,
    "French": lambda text: is_in(FRENCH, text),
    "Spanish": lambda text: is_in(SPANISH, text),
}


def bits(values: Sequence[bool]) -> str:
    """One character for each, which JSON holds in one line."""
    return "".join("01"[value] for value in values)


def right(texts: Sequence[str]) -> str:
    accepted = QUESTIONS.values()
    return bits(
        [
            bool(re.search(rf"\b({words})", text, re.IGNORECASE))
            for words, text in zip(accepted, texts, strict=True)
        ]
    )


class Chat:
    """The chat model, and what it writes after several beginnings."""

    def __init__(self) -> None:
        self.model = insidegpt.load_model()
        self.tokenizer = insidegpt.load_tokenizer()
        self.end = self.tokenizer.special["<|im_end|>"]

    def write(self, prompts: list[list[int]]) -> list[list[int]]:
        settings = {"max_new_tokens": NEW_TOKENS, "stop_ids": self.tokenizer.end_ids}
        return generate_batch(self.model, prompts, **settings)

    def asked(self, system: str | None, after: str) -> list[list[int]]:
        begin = [] if system is None else [{"role": "system", "content": system}]
        return [
            encode_chat(
                self.tokenizer, [*begin, {"role": "user", "content": question + after}]
            )
            for question in QUESTIONS
        ]

    def next_logprobs(self, prompts: list[list[int]]) -> Tensor:
        """(prompts, V): of the token after each."""
        logits = [self.model(torch.tensor([ids]))[0, -1] for ids in prompts]
        return torch.stack(logits).double().log_softmax(-1)


def world() -> dict:
    """What mini writes after a question about somebody it has often read about."""
    model, tokenizer = insidegpt.load_model("mini"), insidegpt.load_tokenizer("mini")
    truth = build_world(seed=0)
    people = [
        s for s in truth.subjects if s.kind == "person" and s.times >= 64 and s.asked
    ]
    found = {"right": [], "asks": [], "ends": []}
    asked = [(s, relation) for s in people for relation in ("city", "job")]
    for subject, relation in asked:
        question = ASKING[relation][0].format(name=subject.name)
        settings = {"max_new_tokens": NEW_TOKENS, "temperature": 0}
        text = tokenizer.decode(
            list(insidegpt.generate(model, tokenizer.encode(question), **settings))
        )
        value = truth.ask(subject.name, relation)
        answer, dot, rest = text.partition(".")
        more = [p.format(name=subject.name) for ps in ASKING.values() for p in ps]
        found["right"].append((answer + dot).strip() == short(relation, value))
        found["asks"].append(rest.strip().startswith(tuple(more)))
        found["ends"].append(rest.startswith("<|endoftext|>"))
    return {name: bits(values) for name, values in found.items()}


def forms() -> dict:
    """The same questions in four forms, and the user's turn instead of the model's."""
    chat = Chat()
    tokenizer = chat.tokenizer
    template = chat.asked(None, "")
    ways = {
        "template": template,
        "bare": [tokenizer.encode(question) for question in QUESTIONS],
        "Q and A": [tokenizer.encode(f"Q: {q}\nA:") for q in QUESTIONS],
    }
    found = {}
    for name, prompts in ways.items():
        first = chat.next_logprobs(prompts)
        said = chat.write(prompts)
        texts = [tokenizer.decode(ids) for ids in said]
        found[name] = {
            "closes": bits((first.argmax(-1) == chat.end).tolist()),
            "closes_p": [round(p, 3) for p in first[:, chat.end].exp().tolist()],
            "right": right(texts),
            "ended": bits([len(ids) < NEW_TOKENS for ids in said]),
            "texts": texts[:4],
        }
        if name == "template":
            answers = said
    start, line = tokenizer.special["<|im_start|>"], tokenizer.encode("\n")
    header = [chat.end, *line, start, *tokenizer.encode("user\n")]
    turns = chat.write([p + a + header for p, a in zip(template, answers, strict=True)])
    texts = [tokenizer.decode(ids) for ids in turns]
    found["user's turn"] = {
        "asks": bits(["?" in text for text in texts]),
        "texts": texts[:6],
    }
    return found


def orders() -> dict:
    """What becomes of the answers when somebody says how to answer."""
    chat = Chat()
    plain = chat.next_logprobs(chat.asked(None, ""))
    found = {}
    for name, (system, after) in tqdm(ORDERS.items(), leave=False):
        prompts = chat.asked(system, after)
        said = chat.write(prompts)
        texts = [chat.tokenizer.decode(ids) for ids in said]
        now = chat.next_logprobs(prompts)
        found[name] = {
            check: bits([f(t) for t in texts]) for check, f in CHECKS.items()
        }
        found[name] |= {
            "right": right(texts),
            "tokens": [len(ids) for ids in said],
            "moved": [
                round(x, 2) for x in (now.exp() * (now - plain)).sum(-1).tolist()
            ],
            "texts": texts[:3],
        }
        print(name, texts[:2], file=sys.stderr)
    return found


def spread_out(count: int, seed: int) -> list[list[int]]:
    """For each of ``count`` texts the items in it: each comes once at every place."""
    draw = random.Random(seed)
    order = draw.sample(range(count), count)
    offsets = draw.sample(range(count), POSITIONS)
    return [[order[(n + o) % count] for o in offsets] for n in range(count)]


class Examples:
    """A task as texts of 17 examples; the answer to each is scored given those before.

    One reading of a text asks with 0, 1, .. and 16 examples, since nothing looks ahead.
    """

    def __init__(self, chat: Chat, task: str, form: str) -> None:
        self.chat, self.pairs, self.form = chat, TASKS[task], form
        self.words = sorted({word for _, word in self.pairs})
        space = " " if form == "plain" else ""
        ids = [chat.tokenizer.encode(space + word) for word in self.words]
        if max(map(len, ids)) > 1:
            raise ValueError(f"A word of {task} is more than one token.")
        self.ids = torch.tensor(ids)[:, 0]

    def write(self, items: list[int], labels: list[str]) -> tuple[list[int], list[int]]:
        """Ids, and where each answer is expected."""
        ids, messages, places = [], [], []
        tokenizer = self.chat.tokenizer
        for item, label in zip(items, labels, strict=True):
            given = self.pairs[item][0]
            if self.form == "plain":
                begin = "\n" if ids else ""
                ids += tokenizer.encode(f"{begin}{given} =>")
                places.append(len(ids) - 1)
                ids += tokenizer.encode(f" {label}")
                continue
            messages.append({"role": "user", "content": given})
            places.append(len(encode_chat(tokenizer, messages)) - 1)
            messages.append({"role": "assistant", "content": label})
        if self.form == "turns":
            ids = encode_chat(tokenizer, messages, add_generation_prompt=False)
        return ids, places

    def score(self, *, shuffled: bool = False, texts: int | None = None) -> dict:
        """How many answers are right with each number of examples.

        among: the likeliest of the task's words; any: of all tokens. echo: the
        likeliest token is a beginning of what was given, and wrong. shuffled: the
        labels in the text are those of other items, the scored ones are not.
        """
        draw = random.Random(1)
        count = len(self.pairs)
        found = {name: torch.zeros(POSITIONS) for name in ("among", "any", "echo")}
        for items in spread_out(count, seed=0)[:texts]:
            told = items
            if shuffled:
                told = draw.sample(range(count), POSITIONS)
            ids, places = self.write(items, [self.pairs[item][1] for item in told])
            hidden = self.chat.model.hidden(torch.tensor([ids]))[0, places]
            logits = self.chat.model.logits(hidden)
            truth = [self.words.index(self.pairs[item][1]) for item in items]
            said = logits.argmax(-1)
            found["among"] += logits[:, self.ids].argmax(-1) == torch.tensor(truth)
            found["any"] += said == self.ids[truth]
            given = [self.pairs[item][0].lower() for item in items]
            texts = [self.chat.tokenizer.decode([i]).strip().lower() for i in said]
            echo = [
                bool(t) and g.startswith(t) for t, g in zip(texts, given, strict=True)
            ]
            found["echo"] += torch.tensor(echo) & (said != self.ids[truth])
        return {name: counts.int().tolist() for name, counts in found.items()}


def examples() -> dict:
    """Accuracy against the number of examples, in two forms, true labels or not."""
    chat, found = Chat(), {}
    for task, form, shuffled in tqdm(
        list(itertools.product(TASKS, ("plain", "turns"), (False, True))), leave=False
    ):
        if form == "turns" and shuffled:
            continue
        scored = Examples(chat, task, form)
        name = f"{task}, {form}" + (", shuffled" if shuffled else "")
        found[name] = scored.score(shuffled=shuffled)
        found[name] |= {"items": len(scored.pairs), "words": len(scored.words)}
        print(name, found[name], file=sys.stderr)
    return found


def scored_heads(chat: Chat, texts: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Of all heads: induction, and how much each looks at the token before."""
    back = [induction_scores(chat.model, ids, length=LENGTH) for ids in texts]
    before = [previous_scores(chat.model, ids) for ids in texts]
    return torch.stack(back).mean(0), torch.stack(before).mean(0)


def others(heads: list[Head], known: list[Head], draw: random.Random) -> list[Head]:
    """As many heads of each layer as ``heads`` has there, none of them ``known``."""
    found = []
    for layer in sorted({layer for layer, _ in heads}):
        free = [(layer, h) for h in range(9) if (layer, h) not in known]
        wanted = sum(other == layer for other, _ in heads)
        found += draw.sample(free, min(wanted, len(free)))
    return found


def random_texts(chat: Chat) -> list[Tensor]:
    first, size = [chat.tokenizer.special["<|im_start|>"]], chat.model.config.vocab_size
    settings = {"length": LENGTH, "first": first}
    return [random_twice(size, seed=seed, **settings) for seed in range(TEXTS)]


def copy_loss(chat: Chat, texts: list[Tensor]) -> list[float]:
    """Nats a token: in the first copy, and in the second from its second token on."""
    ids = torch.stack(texts)
    loss = -token_logprobs(chat.model(ids)[:, :-1], ids[:, 1:])
    first, second = loss[:, : LENGTH - 1], loss[:, LENGTH + 1 :]
    return [round(part.mean().item(), 3) for part in (first, second)]


def heads() -> dict:
    """The heads that copy, and the loss without them, or without others."""
    chat = Chat()
    texts = random_texts(chat)
    back, before = scored_heads(chat, texts)
    draw, known = random.Random(0), strongest(back, 24)
    found = {
        "scores": [[round(x, 2) for x in row] for row in back.tolist()],
        "loss": copy_loss(chat, texts),
        "strongest": {},
        "others": {},
    }
    for count in tqdm(SILENCED, leave=False):
        with silence(chat.model, known[:count]):
            found["strongest"][count] = copy_loss(chat, texts)
        found["others"][count] = []
        for _ in range(DRAWS):
            with silence(chat.model, others(known[:count], known, draw)):
                found["others"][count].append(copy_loss(chat, texts))
    best, helper = known[0], strongest(before[: known[0][0]], 1)[0]
    found |= {"best": best, "helper": helper, "helper_score": before[helper].item()}
    found["best_without"] = {}
    for head in range(9):  # of the helper's layer
        with silence(chat.model, [(helper[0], head)]):
            score = scored_heads(chat, texts)[0][best].item()
            found["best_without"][head] = [round(score, 3), copy_loss(chat, texts)[1]]
    print(found, file=sys.stderr)
    return found


def without() -> dict:
    """Learning from examples with the copying heads silent, or others."""
    chat = Chat()
    back, _ = scored_heads(chat, random_texts(chat)[:4])
    known, draw = strongest(back, 24), random.Random(1)
    cuts = {"none": [], "strongest": known[:8]}
    cuts |= {f"others {n}": others(known[:8], known, draw) for n in range(3)}
    found = {}
    for task in ("mood", "opposite", "surname"):
        scored = Examples(chat, task, "plain")
        for name, cut in cuts.items():
            with silence(chat.model, cut):
                score = scored.score(texts=24)
            found[f"{task}, {name}"] = score | {"texts": 24}
            late = [statistics.mean(score[kind][8:]) / 24 for kind in ("among", "any")]
            print(task, name, late, file=sys.stderr)
    return found


GROUPS = {f.__name__: f for f in (world, forms, orders, examples, heads, without)}


@click.command()
@click.argument("group", type=click.Choice(list(GROUPS)))
def main(group: str) -> None:
    """Print one JSON document."""
    with torch.inference_mode():
        found = GROUPS[group]()
    command = f"python benchmarks/assistant.py {group}"
    json.dump({"command": command, group: found}, sys.stdout)


if __name__ == "__main__":
    main()
