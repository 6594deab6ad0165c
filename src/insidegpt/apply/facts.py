"""Is a summary true to its text? Key facts that it states, details that it made up.

Both checks compare words, after numbers have been brought into one form. They know
nothing of meaning: how often they err is measured against sentences read by a person.
Page: applications/summarization.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import combinations
from math import log
from typing import NamedTuple

ONES = "two three four five six seven eight nine ten eleven twelve thirteen fourteen"
ONES += " fifteen sixteen seventeen eighteen nineteen"
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
NUMBERS = {word: n for n, word in enumerate(ONES.split(), 2)}
NUMBERS |= {word: 10 * n for n, word in enumerate(TENS.split(), 2)}
TIMES = {"hundred": 100, "thousand": 1000}
TOKEN = re.compile(
    r"\d+(?:[.:]\d+)*(?:st|nd|rd|th)?(?!\w)"  # 12, 4.5, 8:15, 21st
    r"|[^\W_]+(?:['’][^\W\d_]+)?"  # a word
    r"|[.!?]"  # the end of a sentence
)
UNIMPORTANT = set(
    "a an the of in on at to for by from with and or but as is are was were be been it "
    "its he she they his her their that this these those which who not no one than "
    "more about will would can has have had there after before when while into per "
    "also only so if then what all any each up out over under until during between "
    "because both such may could should".split()
)


class Fact(NamedTuple):
    """A question that a good summary of the text answers."""

    question: str
    stated: Sequence[str]  # patterns, one of which a summary has that states it


def words_of(text: str) -> list[str]:
    """Words in small letters, numbers in digits, ends of sentences.

    "Twenty-four boats cost €1,200." has the tokens 24 boats cost 1200 euros and ".".
    The word *one* stays a word, since it is mostly none of the numbers.
    """
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text.lower())
    text = re.sub(r"€\s?(\d[\d.]*\d|\d)", r"\1 euros", text)
    text = text.replace("%", " per cent").replace("percent", "per cent")
    found: list[str] = []
    after_number = False  # was the last token a number in words?
    for token in TOKEN.findall(text):
        value = NUMBERS.get(token)
        if token in TIMES:
            value = TIMES[token]
            if after_number:
                value *= int(found.pop())
        elif value and after_number and value < 10 and int(found[-1]) % 100 >= 20:
            value += int(found.pop())
        after_number = value is not None
        found.append(str(value) if value else _without_ending(token))
    return found


def _without_ending(token: str) -> str:
    """21st as 21, Melk's as melk."""
    token = re.sub(r"(?<=\d)(st|nd|rd|th)$", "", token)
    return re.sub(r"['’]s$", "", token)


def matches(pattern: str, summary: str) -> bool:
    """Whether a summary has the words of a pattern, one after another.

    In a pattern ``_`` stands for up to three words of the same sentence, and ``*`` at
    the end of a word for any ending.
    """
    parts = []
    for part in pattern.split():
        if part == "_":
            parts.append(r"(?:(?![.!?] )\S+ ){0,3}")
            continue
        words = [re.escape(word) for word in words_of(part)]
        parts.append(" ".join(words) + (r"\S* " if part.endswith("*") else " "))
    found = re.search("(?:^| )" + "".join(parts), " ".join(words_of(summary)) + " ")
    return found is not None


def stated(summary: str, facts: Iterable[Fact]) -> list[bool]:
    """For each fact, whether the summary states it, by the fact's patterns."""
    return [any(matches(p, summary) for p in fact.stated) for fact in facts]


def foreign_numbers(summary: str, text: str) -> list[str]:
    """Numbers of the summary that the text doesn't have."""
    known = set(words_of(text))
    return [token for token in words_of(summary) if _is_number(token, known)]


def _is_number(token: str, known: set[str]) -> bool:
    return token[0].isdigit() and token not in known


def foreign_names(summary: str, text: str) -> list[str]:
    """Words with a capital letter that the text doesn't have in any form.

    The first word of a sentence has a capital for another reason; it counts as a name
    where a second one follows.
    """
    known, found = set(words_of(text)), []
    for sentence in re.split(r"(?<=[.!?:])[\"”]?\s+|\n", summary):
        words = re.findall(r"[^\W_]+(?:['’][^\W\d_]+)?", sentence)
        big = [word[0].isupper() for word in words] + [False]
        for n, word in enumerate(words):
            if big[n] and (n or big[1]) and _strange(word, known):
                found.append(word)
    return found


def _strange(word: str, known: set[str]) -> bool:
    return re.split("['’]", word)[0] != "I" and bool(set(words_of(word)) - known)


def misplaced_numbers(summary: str, text: str, *, reach: int = 5) -> list[str]:
    """Numbers that the text has, but never near the word that goes with them here.

    That word is the next important one, or the one before at the end of a sentence. In
    the text it may be up to ``reach`` words away; endings don't matter.
    """
    said, source = words_of(summary), words_of(text)
    found = []
    for n, token in enumerate(said):
        if not token[0].isdigit() or token not in source:
            continue
        word = _companion(said, n)
        places = [m for m, other in enumerate(source) if other == token]
        near = {
            _stem(w) for m in places for w in source[max(0, m - reach) : m + reach + 1]
        }
        if word and _stem(word) not in near:
            found.append(f"{token} {word}")
    return found


def _companion(tokens: Sequence[str], n: int) -> str | None:
    after = []
    for token in tokens[n + 1 :]:
        if token in ".!?":
            break
        after.append(token)
    for token in (*after, *reversed(tokens[:n])):
        if token in ".!?":
            return None
        if token not in UNIMPORTANT and not token[0].isdigit():
            return token
    return None


def _stem(word: str) -> str:
    """A crude one: four letters, which euro and euros, sleep and sleepers share."""
    return word[:4]


def new_words(summary: str, text: str) -> list[str]:
    """Important words of the summary whose stem the text doesn't have."""
    known = {_stem(word) for word in words_of(text)}
    words = [w for w in words_of(summary) if w not in UNIMPORTANT and w not in ".!?"]
    return [word for word in words if _stem(word) not in known]


def unsupported(sentence: str, text: str) -> list[str]:
    """What the check objects to in a sentence: foreign numbers and foreign names."""
    return foreign_numbers(sentence, text) + foreign_names(sentence, text)


def swap_numbers(summary: str) -> str | None:
    """A lie: two numbers of a summary change places, those nearest in size.

    None if there aren't two different ones.
    """
    words = "|".join(NUMBERS)
    number = rf"\b(?:\d[\d,.:]*\d|\d)(?:st|nd|rd|th)?\b|\b(?:{words})\b"
    spans = list(re.finditer(number, summary))
    values = [float(re.sub(r"\D", ".", words_of(s[0])[0])) for s in spans]
    pairs = [
        p for p in combinations(range(len(spans)), 2) if values[p[0]] != values[p[1]]
    ]
    if not pairs:
        return None
    a, b = min(pairs, key=lambda p: abs(log(values[p[0]] / values[p[1]])))
    one, two = spans[a], spans[b]
    between = summary[one.end() : two.start()]
    return summary[: one.start()] + two[0] + between + one[0] + summary[two.end() :]
