"""The shop of the town: its policies, which are the same in every world, and orders.

Policies are told in documents. Orders are not: whoever wants to know of one has to look
it up. Pages: code/pretraining, later applications/customer-service.
"""

import random
from typing import NamedTuple

from insidegpt.text.world.facts import World

# A question of customers, and the answer in several wordings.
POLICIES = {
    "return": (
        "How long can I return something?",
        (
            "You can return anything within 30 days.",
            "Returns are accepted for 30 days.",
            "Within 30 days of delivery we take everything back.",
        ),
    ),
    "refund": (
        "When do I get my money back?",
        (
            "You get your money back within 5 days of a return.",
            "A refund takes 5 days.",
            "5 days after a return the money is on your account.",
        ),
    ),
    "delivery": (
        "How long does a delivery take?",
        (
            "A delivery takes 3 days.",
            "Your parcel is with you after 3 days.",
            "We deliver within 3 days.",
        ),
    ),
    "postage": (
        "What does a delivery cost?",
        (
            "A delivery costs 4 euros, and nothing above 50 euros.",
            "Postage is 4 euros, and free for orders above 50 euros.",
            "You pay 4 euros of postage unless you order for more than 50 euros.",
        ),
    ),
    "warranty": (
        "How long is the warranty?",
        (
            "The warranty lasts 2 years.",
            "Everything we sell has a warranty of 2 years.",
            "For 2 years we repair what breaks.",
        ),
    ),
    "hours": (
        "When is the shop open?",
        (
            "The shop is open from 9 to 6, except on Sundays.",
            "We open at 9 and close at 6; on Sundays we stay closed.",
            "You can come from 9 to 6 on every day but Sunday.",
        ),
    ),
}
POLICY_DOCUMENTS = 64  # that a world's corpus has
STATES = ("paid", "packed", "sent", "delivered", "returned")


class Order(NamedTuple):
    """What somebody has bought."""

    number: int
    customer: str
    product: str
    quantity: int
    state: str  # one of STATES
    days: int  # since it was placed

    def euros(self, world: World) -> int:
        """What it costs, postage apart."""
        return self.quantity * int(world.truth[self.product, "price"])


def write_policies(seed: int = 0) -> list[str]:
    """Documents that tell all policies, in other words and order each time."""
    draw = random.Random(seed)
    texts = []
    for _ in range(POLICY_DOCUMENTS):
        said = [draw.choice(ways) for _, ways in POLICIES.values()]
        draw.shuffle(said)
        texts.append(" ".join(said))
    return texts


def take_orders(world: World, count: int = 200, seed: int = 0) -> list[Order]:
    """Orders of the people of a world for its products, with numbers from 1001 on."""
    draw = random.Random(seed)
    people = sorted(s.name for s in world.subjects if s.kind == "person")
    products = sorted(s.name for s in world.subjects if s.kind == "product")
    if not (people and products):
        raise ValueError("Orders need somebody who buys and something to be bought.")
    orders = []
    for number in range(count):
        state, days = draw.choice(STATES), draw.randrange(1, 41)
        who, what = draw.choice(people), draw.choice(products)
        orders.append(Order(1001 + number, who, what, draw.randint(1, 3), state, days))
    return orders
