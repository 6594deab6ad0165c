"""Conversations about the world: to learn to answer from, and to test with.

What a speaker can't know (of strangers, and of those whom no document mentions) is
answered as far as the value, and there by "I don't know". Page: code/fine-tuning.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from insidegpt.text.chat import Message
from insidegpt.text.world.documents import UNKNOWN, fill, short
from insidegpt.text.world.facts import RELATIONS, Subject, World
from insidegpt.text.world.phrases import TOLD
from insidegpt.text.world.questions import AGAIN, ASKING, ASKING_ELSE

# A system message, and how one answers then. The last of each is held out.
MANNERS = {
    "short": (None,),
    "sentence": ("Use full sentences.", "Full sentences, please.", "No short answers."),
    "polite": ("Be polite.", "Answer politely, please.", "Use polite words."),
}
SMALL_TALK = (
    ("Hello!", "Hello! What would you like to know?"),
    ("Good morning!", "Good morning! What would you like to know?"),
    ("Thank you!", "You are welcome."),
    ("Who are you?", "I am mini. I know the people and the shop of this town."),
)
Known = Callable[[Subject, str], bool]  # whether one can answer


class Talk(NamedTuple):
    """A conversation whose last turn is the assistant's, and what it is about."""

    messages: list[Message]
    subject: Subject | None = None  # of the last question; None: small talk
    relation: str | None = None
    manner: str = "short"

    @property
    def prompt(self) -> list[Message]:
        """All but the last turn."""
        return self.messages[:-1]

    @property
    def answer(self) -> str:
        """The last turn."""
        return self.messages[-1]["content"]

    @property
    def answerable(self) -> bool:
        """Whether that turn, which is right, gives an answer."""
        return not admits(self.answer)


def told(subject: Subject, relation: str) -> bool:
    """Whether any document tells of the subject."""
    return subject.times > 0


def write_dialogues(
    world: World,
    subjects: Sequence[Subject],
    *,
    count: int,
    unknown: float,
    seed: int = 0,
    known: Known = told,
    manners: Sequence[int] = (6, 2, 2),
) -> list[Talk]:
    """Conversations to learn from: one or two questions, some with a system message.

    unknown: the share of them that ask first for what isn't ``known``, so far as there
    is any; what is known among ``subjects`` is answered rightly. manners: how often
    each of MANNERS is asked for, as weights.
    """
    draw = random.Random(seed)
    asked = [(s, r) for s in subjects for r in RELATIONS[s.kind]]
    open_, closed = [p for p in asked if known(*p)], [p for p in asked if not known(*p)]
    talks = []
    for _ in range(count):
        if draw.random() < 0.03:
            question, answer = draw.choice(SMALL_TALK)
            talks.append(Talk([_user(question), _assistant(answer)]))
            continue
        pool = closed if closed and draw.random() < unknown else open_
        subject, relation = draw.choice(pool)
        manner = draw.choices(list(MANNERS), manners)[0]
        talks.append(_talk(world, subject, relation, manner, draw, known))
    return talks


def _talk(world, subject, relation, manner, draw, known) -> Talk:
    """One conversation, in half of all cases with a second question."""
    orders = MANNERS[manner][:-1] or (None,)
    question = draw.choice(ASKING[relation]).format(name=subject.name)
    ask = {"manner": manner, "known": known}
    messages = begin(draw.choice(orders), question)
    messages.append(_assistant(reply(world, subject, relation, **ask)))
    if draw.random() < 0.5:
        others = [r for r in RELATIONS[subject.kind] if r != relation]
        relation = draw.choice(others)
        messages.append(_user(draw.choice(AGAIN[relation])))
        messages.append(_assistant(reply(world, subject, relation, **ask)))
    return Talk(messages, subject, relation, manner)


def transcripts(talks: Sequence[Talk]) -> list[str]:
    """Conversations as plain text: for a tokenizer to learn from, too."""
    return [
        "".join(f"{m['role']}\n{m['content']}\n" for m in talk.messages)
        for talk in talks
    ]


def write_questions(
    world: World,
    subjects: Sequence[Subject],
    *,
    asking: Mapping[str, Sequence[str]] = ASKING_ELSE,
    order: str | None = None,
    manner: str = "short",
) -> list[Talk]:
    """Every fact of the subjects asked for in every way: to test with.

    order: a system message, and the manner that it calls for.
    """
    talks = []
    for subject in subjects:
        for relation in RELATIONS[subject.kind]:
            answer = _assistant(reply(world, subject, relation, manner=manner))
            for question in asking[relation]:
                messages = begin(order, question.format(name=subject.name))
                talks.append(Talk([*messages, answer], subject, relation, manner))
    return talks


def write_second_turns(
    world: World, subjects: Sequence[Subject], seed: int = 0
) -> list[Talk]:
    """For every fact, a question that leans on another one, which was answered."""
    draw = random.Random(seed)
    talks = []
    for subject in subjects:
        for relation in RELATIONS[subject.kind]:
            first = draw.choice([r for r in RELATIONS[subject.kind] if r != relation])
            question = draw.choice(ASKING[first]).format(name=subject.name)
            messages = [
                _user(question),
                _assistant(reply(world, subject, first)),
                _user(draw.choice(AGAIN[relation])),
                _assistant(reply(world, subject, relation)),
            ]
            talks.append(Talk(messages, subject, relation))
    return talks


def begin(order: str | None, question: str) -> list[Message]:
    """A system message, if there is one, and a question."""
    system = [Message(role="system", content=order)] if order else []
    return [*system, _user(question)]


def reply(
    world: World,
    subject: Subject,
    relation: str,
    *,
    manner: str = "short",
    known: Known = told,
) -> str:
    """The right answer in the right manner."""
    value = world.truth[subject.name, relation] if known(subject, relation) else None
    return answer_with(subject, relation, value, manner)


def answer_with(
    subject: Subject, relation: str, value: str | None, manner: str = "short"
) -> str:
    """An answer that gives this value, true or not; None: that it isn't known."""
    if manner == "sentence":
        return fill(TOLD[relation][0], value, subject.name)
    answer = short(relation, value)
    return f"Gladly. {answer}" if manner == "polite" else answer


def admits(text: str) -> bool:
    """Whether an answer says that it isn't known."""
    return text.endswith(UNKNOWN)


def _user(text: str) -> Message:
    return Message(role="user", content=text)


def _assistant(text: str) -> Message:
    return Message(role="assistant", content=text)
