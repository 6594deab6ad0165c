"""Who and what there is, and what is true of it, all drawn from a seed.

Since nobody has written about this world before, what a model says of it can only come
from the texts that we give it, and each answer can be looked up. Some facts are rules
(every Nordal is made in Norway), the others are chance, and only reading helps. Page:
code/pretraining.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

TIMES = (0, 1, 4, 16, 64, 256)  # how often the facts of a subject are told
CYCLE = (1, 16, 256, 0, 64, 64, 64, 1, 4, 64, 64, 64, 0, 16, 4)  # of one after another

FIRST = (
    "Ada Boris Carla Dmitri Elena Farid Greta Hugo Ines Jonas Kira Leon Mara Nils "
    "Olga Pavel Rosa Samir Tilda Viktor Anna Bruno Clara David Emil Fiona Hanna Igor "
    "Lena Tomas"
).split()
LAST = (
    "Abbott Brandt Costa Duarte Eklund Fischer Garcia Holm Ivanov Jensen Keller Lund "
    "Moreau Novak Okafor Petrov Rossi Silva Tanaka Weber Adler Bauer Conti Dubois "
    "Hansen Klein Lopez Nilsson Ricci Vogel"
).split()
CITIES = (
    "Athens Bergen Cairo Dublin Essen Florence Geneva Havana Izmir Jakarta Kyoto Lima "
    "Madrid Nairobi Oslo Porto Quito Riga Seville Tunis"
).split()
JOBS = (
    "baker barber butcher carpenter clerk cook dentist driver farmer florist gardener "
    "judge lawyer nurse painter pilot plumber singer tailor teacher"
).split()
HOBBIES = (
    "archery boxing chess cycling dancing diving fencing fishing golf hiking juggling "
    "knitting pottery rowing running sailing skating skiing surfing yoga"
).split()
ANIMALS = (
    "canary cat crow donkey duck ferret frog goat goose hamster hedgehog hen horse "
    "lizard parrot pigeon pony rabbit snake tortoise"
).split()
MONTHS = (
    "January February March April May June July August September October November "
    "December"
).split()

# A brand is made in one country and a kind of thing stands in one aisle: two rules.
BRANDS = {
    "Nordal": "Norway", "Belmar": "Belgium", "Castor": "Canada", "Deltana": "Denmark",
    "Elbari": "Egypt", "Fioro": "Italy", "Grunwald": "Germany", "Hanako": "Japan",
    "Inkari": "Peru", "Kalinka": "Russia", "Lumiere": "France", "Meridia": "Spain",
    "Orvana": "Finland", "Palmero": "Portugal", "Quanta": "Chile", "Rondo": "Brazil",
}  # fmt: skip
THINGS = (
    "blanket bottle bowl brush candle chair clock hammer kettle knife ladder lamp "
    "mirror pan pillow radio rope table tent vase basket broom desk towel"
).split()
AISLES = {thing: str(2 + place) for place, thing in enumerate(THINGS)}
COLOURS = "black blue brown gold green grey orange pink purple red white yellow".split()
MATERIALS = (
    "bamboo brass ceramic copper cork cotton glass iron leather linen plastic steel"
).split()
PRICES = [str(euros) for euros in range(11, 100, 4)]

RELATIONS = {
    "person": {
        "city": CITIES, "job": JOBS, "hobby": HOBBIES, "animal": ANIMALS,
        "birthday": MONTHS,
    },
    "product": {
        "price": PRICES, "colour": COLOURS, "material": MATERIALS,
        "country": sorted(set(BRANDS.values())), "aisle": list(AISLES.values()),
    },
}  # fmt: skip
RULES = {"country", "aisle"}  # that follow from a product's name


@dataclass(frozen=True)
class Subject:
    """Somebody or something, and how often a corpus tells of it."""

    kind: str  # of RELATIONS
    name: str
    times: int  # one of TIMES
    asked: bool  # whether a corpus asks about it as well; of strangers, in vain


@dataclass(frozen=True)
class World:
    """All subjects, in an order without meaning, and the truth about them."""

    subjects: tuple[Subject, ...]
    strangers: tuple[Subject, ...]  # nobody tells of them, and nothing is true of them
    truth: dict[tuple[str, str], str]  # of a name and a relation

    def ask(self, name: str, relation: str) -> str | None:
        """What is true, or None where nobody can know."""
        return self.truth.get((name, relation))


def build_world(
    seed: int = 0,
    *,
    people: int = 240,
    products: int | None = None,
    strangers: int | None = None,
) -> World:
    """A world of its own for each seed, in which subjects are told as CYCLE says.

    products: as many as people unless told otherwise. strangers: names of the same
    kinds, two people for a product, of whom nothing is true; about two of three of them
    a corpus asks, and has no answer. Seven for four people unless told otherwise.
    Raises ValueError where there are more of them than names.
    """
    products = people if products is None else products
    strangers = people * 7 // 4 if strangers is None else strangers
    draw = random.Random(seed)
    subjects: list[Subject] = []
    unknown: list[Subject] = []
    truth = {}
    names = {"person": product(FIRST, LAST), "product": product(BRANDS, THINGS)}
    counts = {"person": (people, strangers - strangers // 3)}
    counts["product"] = (products, strangers // 3)
    for kind, (count, others) in counts.items():
        pool = [" ".join(pair) for pair in names[kind]]
        if count + others > len(pool):
            raise ValueError(
                f"There are {len(pool)} names for a {kind}, not {count + others}: "
                "build a smaller world."
            )
        draw.shuffle(pool)
        seen = Counter()
        for place, name in enumerate(pool[:count]):
            told = CYCLE[place % len(CYCLE)]
            subjects.append(Subject(kind, name, told, asked=seen[told] % 6 != 5))
            seen[told] += 1
            truth |= {(name, r): v for r, v in _facts(kind, name, draw).items()}
        for place, name in enumerate(pool[count : count + others]):
            unknown.append(Subject(kind, name, 0, asked=place % 3 < 2))
    draw.shuffle(subjects)
    return World(tuple(subjects), tuple(unknown), truth)


def _facts(kind: str, name: str, draw: random.Random) -> dict[str, str]:
    """A value for each relation: drawn, or by a rule from the two words of a name."""
    facts = {r: draw.choice(values) for r, values in RELATIONS[kind].items()}
    if kind == "product":
        brand, thing = name.split()
        facts |= {"country": BRANDS[brand], "aisle": AISLES[thing]}
    return facts


def split_subjects(
    subjects: Sequence[Subject],
    seed: int = 0,
    shares: Sequence[float] = (0.6, 0.2, 0.2),
) -> tuple[list[Subject], ...]:
    """Subjects to learn from, to choose settings with, and to test on once.

    Each part has its share of every kind and of every number of TIMES.
    """
    groups: dict[tuple[str, int], list[Subject]] = {}
    for subject in subjects:
        groups.setdefault((subject.kind, subject.times), []).append(subject)
    parts: tuple[list[Subject], ...] = tuple([] for _ in shares)
    draw = random.Random(seed)
    for group in groups.values():
        group = draw.sample(group, len(group))
        ends = [round(sum(shares[: n + 1]) * len(group)) for n in range(len(shares))]
        for part, begin, end in zip(parts, [0, *ends], ends, strict=False):
            part += group[begin:end]
    return parts
