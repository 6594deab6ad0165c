"""What a crawler would bring home from the world: documents, near-copies and rubbish.

Web pages are copied with a word changed, and many hold no sentence at all. Page:
code/pretraining.
"""

import random
from collections.abc import Sequence

COPIED = 40  # documents that the web has in many near-copies
MENU = (
    "Home Shop Cart Login Help About Contact Sitemap Privacy Terms Cookies Newsletter"
).split()


def write_crawl(documents: Sequence[str], seed: int = 0) -> list[str]:
    """The documents, as many near-copies of a few of them, and as much rubbish."""
    draw = random.Random(seed + 1)
    originals = draw.sample(documents, COPIED)
    copies = [_copy(draw.choice(originals), draw) for _ in documents]
    words = sorted({word.strip(".?") for text in documents for word in text.split()})
    rubbish = [_rubbish(words, draw) for _ in documents]
    crawl = [*documents, *copies, *rubbish]
    draw.shuffle(crawl)
    return crawl


def _copy(text: str, draw: random.Random) -> str:
    """The text with an advertisement before or after it."""
    offer = f"Now {draw.randrange(5, 95)} % off until {draw.randrange(1, 29)} May."
    return f"{offer} {text}" if draw.random() < 0.5 else f"{text} {offer}"


def _rubbish(words: list[str], draw: random.Random) -> str:
    """Key words in a row, a menu, or a table of numbers, as long as a document."""
    kind = draw.randrange(3)
    if kind == 0:
        return " ".join(draw.choices(words, k=45))
    if kind == 1:
        return " | ".join(draw.choices(MENU + words, k=25))
    return " ".join(f"{draw.choice(words)} {draw.randrange(1000)}" for _ in range(18))
