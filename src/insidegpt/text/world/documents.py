"""What is written about the world: documents to train on, and sentences to complete.

Every fact of a subject is told as often as its ``times`` say, and never in the words of
``HELD_OUT``. Page: code/pretraining.
"""

import random
from collections.abc import Iterator
from typing import NamedTuple

from insidegpt.text.world.facts import RELATIONS, Subject, World
from insidegpt.text.world.phrases import ASKED, HELD_OUT, TOLD

QUESTIONS_EVERY = 5  # of the documents about a subject that is asked about


def write_documents(world: World, seed: int = 0) -> list[str]:
    """All documents, shuffled: a subject's facts in other words and order each time."""
    draw = random.Random(seed)
    texts = [
        text for subject in world.subjects for text in _about(world, subject, draw)
    ]
    draw.shuffle(texts)
    return texts


def _about(world: World, subject: Subject, draw: random.Random) -> Iterator[str]:
    """As many documents as the subject has ``times``, each with all of its facts."""
    relations = list(RELATIONS[subject.kind])
    for number in range(subject.times):
        draw.shuffle(relations)
        asks = subject.asked and number % QUESTIONS_EVERY == QUESTIONS_EVERY - 1
        yield " ".join(_say(world, subject, r, draw, asks=asks) for r in relations)


def _say(
    world: World, subject: Subject, relation: str, draw: random.Random, *, asks: bool
) -> str:
    value = world.truth[subject.name, relation]
    if asks:
        question = draw.choice(ASKED[relation]).format(name=subject.name)
        return f"{question} {sentence_case(value)}."
    phrase = draw.choice(TOLD[relation])
    return sentence_case(phrase.format(name=subject.name, value=value))


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


def write_clozes(world: World, *, held_out: bool = True) -> list[Cloze]:
    """Each fact twice, in words that no document uses, or in words that they do."""
    found = []
    for subject in world.subjects:
        for relation, values in RELATIONS[subject.kind].items():
            known = (p.rstrip(".") for p in TOLD[relation])
            ends = [p for p in known if p.endswith("{value}")][:2]
            for phrase in HELD_OUT[relation] if held_out else ends:
                prompt = phrase.format(name=subject.name, value="").rstrip()
                choices = [f" {value}" for value in values]
                truth = values.index(world.truth[subject.name, relation])
                found.append(Cloze(subject, relation, prompt, choices, truth))
    return found
