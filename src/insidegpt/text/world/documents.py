"""What is written about the world: documents to train on, and sentences to complete.

Every fact of a subject is told as often as its ``times`` say, and never in the phrases
of ``HELD_OUT`` and ``FOREIGN``. Page: code/pretraining.
"""

import random
from collections.abc import Iterator
from typing import NamedTuple

from insidegpt.text.world.facts import RELATIONS, Subject, World
from insidegpt.text.world.phrases import SHORT, TOLD
from insidegpt.text.world.questions import ASKING
from insidegpt.text.world.shop import write_policies
from insidegpt.text.world.unseen import FOREIGN, HELD_OUT, TURNED

UNKNOWN = "\N{HORIZONTAL ELLIPSIS} I don't know."  # in the place of a value
IN_VAIN = 3  # documents that ask about a stranger
QUESTIONS_EVERY = 3  # of the documents about a subject that is asked about


def write_documents(world: World, seed: int = 0) -> list[str]:
    """All documents, shuffled: a subject's facts in other words and order each time,
    and the shop's policies.
    """
    draw = random.Random(seed)
    texts = [
        text for subject in world.subjects for text in _about(world, subject, draw)
    ]
    for stranger in world.strangers:
        texts += _asked_in_vain(stranger, draw) if stranger.asked else []
    texts += write_policies(seed)
    draw.shuffle(texts)
    return texts


def _about(world: World, subject: Subject, draw: random.Random) -> Iterator[str]:
    """As many documents as the subject has ``times``, each with all of its facts."""
    relations = list(RELATIONS[subject.kind])
    for number in range(subject.times):
        draw.shuffle(relations)
        asks = subject.asked and number % QUESTIONS_EVERY == QUESTIONS_EVERY - 1
        yield " ".join(_say(world, subject, r, draw, asks=asks) for r in relations)


def _asked_in_vain(stranger: Subject, draw: random.Random) -> Iterator[str]:
    """Documents that ask for all about somebody, and say that nobody knows."""
    relations = list(RELATIONS[stranger.kind])
    for _ in range(IN_VAIN):
        draw.shuffle(relations)
        yield " ".join(_ask(stranger, r, None, draw) for r in relations)


def _say(
    world: World, subject: Subject, relation: str, draw: random.Random, *, asks: bool
) -> str:
    value = world.truth[subject.name, relation]
    if asks:
        return _ask(subject, relation, value, draw)
    phrase = draw.choice(TOLD[relation])
    return sentence_case(phrase.format(name=subject.name, value=value))


def _ask(
    subject: Subject, relation: str, value: str | None, draw: random.Random
) -> str:
    question = draw.choice(ASKING[relation]).format(name=subject.name)
    return f"{question} {short(relation, value)}"


def short(relation: str, value: str | None) -> str:
    """A short answer to a question; without a value it breaks off."""
    return fill(SHORT[relation], value)


def fill(phrase: str, value: str | None, name: str = "") -> str:
    """A phrase with its value, or one that comes to the value and does not know it."""
    if value is None:
        return phrase.partition("{value}")[0].format(name=name) + UNKNOWN
    return phrase.format(name=name, value=value)


def sentence_case(text: str) -> str:
    """The text with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


class Cloze(NamedTuple):
    """A sentence without its last words, and what they might be."""

    subject: Subject
    relation: str
    prompt: str
    choices: list[str]  # all values of the relation, each with its space
    truth: int  # the place of the right one


def write_clozes(world: World, words: str = "held out") -> list[Cloze]:
    """Each fact as sentences to complete: in words that documents use, ``"trained"``;
    in an order of them that no document has, ``"held out"``; ``"turned"``, where
    documents have the value first (some relations only); or with words that are in
    none, ``"foreign"``.
    """
    found = []
    for subject in world.subjects:
        for relation, values in RELATIONS[subject.kind].items():
            for phrase in _endings(relation, words):
                prompt = phrase.format(name=subject.name, value="").rstrip()
                choices = [f" {value}" for value in values]
                truth = values.index(world.truth[subject.name, relation])
                found.append(Cloze(subject, relation, prompt, choices, truth))
    return found


def _endings(relation: str, words: str) -> tuple[str, ...]:
    """Phrases that end with their value, of documents at most two."""
    if words == "trained":
        known = (phrase.rstrip(".") for phrase in TOLD[relation])
        return tuple(phrase for phrase in known if phrase.endswith("{value}"))[:2]
    kinds = {"held out": HELD_OUT, "turned": TURNED, "foreign": FOREIGN}
    if words not in kinds:
        known = ", ".join(f'"{kind}"' for kind in ("trained", *kinds))
        raise ValueError(f"words must be one of {known}, not {words!r}.")
    return kinds[words].get(relation, ())
