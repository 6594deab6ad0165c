"""The shop's records in a database: what a customer may ask for, and what may be done.

Facts come back as short sentences, and what has to be worked out (a total, the days
left for a return) is worked out here: adding up is what a program can do and a small
model can't. Page: applications/customer-service.
"""

import sqlite3
from collections.abc import Iterable

from insidegpt.text.world.facts import World
from insidegpt.text.world.shop import Order

POSTAGE_EUROS, FREE_ABOVE_EUROS = 4, 50
RETURN_DAYS, DELIVERY_DAYS = 30, 3
TABLES = """
CREATE TABLE products(
    name TEXT PRIMARY KEY, price INTEGER, colour TEXT, material TEXT, country TEXT,
    aisle INTEGER);
CREATE TABLE orders(
    number INTEGER PRIMARY KEY, customer TEXT, product TEXT REFERENCES products,
    quantity INTEGER, state TEXT, days INTEGER, note TEXT DEFAULT '');
"""
STATES = {
    "paid": "is paid, but not packed yet",
    "packed": "is packed and leaves our warehouse next",
    "sent": "has been sent and is on its way",
    "delivered": "has been delivered",
    "returned": "has come back to us",
    "cancelled": "is cancelled",
    "refunded": "has come back to us, and the money is paid back",
}


def open_shop(world: World, orders: Iterable[Order]) -> sqlite3.Connection:
    """A database in memory with a world's products and these orders."""
    shop = sqlite3.connect(":memory:", check_same_thread=False)
    shop.executescript(TABLES)
    products = [s.name for s in world.subjects if s.kind == "product"]
    columns = ("price", "colour", "material", "country", "aisle")
    rows = [(name, *(world.truth[name, c] for c in columns)) for name in products]
    shop.executemany("INSERT INTO products VALUES (?, ?, ?, ?, ?, ?)", rows)
    fields = "number, customer, product, quantity, state, days"
    shop.executemany(f"INSERT INTO orders({fields}) VALUES (?, ?, ?, ?, ?, ?)", orders)
    return shop


def product_names(shop: sqlite3.Connection) -> list[str]:
    """Of all products, in alphabetical order."""
    return [name for (name,) in shop.execute("SELECT name FROM products ORDER BY 1")]


def product_facts(shop: sqlite3.Connection, name: str) -> str:
    """What is known about a product. LookupError if there is none of that name."""
    row = shop.execute("SELECT * FROM products WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise LookupError(f"There is no product called {name}.")
    name, price, colour, material, country, aisle = row
    return (
        f"The {name} costs {price} euros. The {name} is {colour}. "
        f"The {name} is made of {material}. The {name} comes from {country}. "
        f"The {name} is in aisle {aisle} of the shop."
    )


def order_facts(shop: sqlite3.Connection, number: int) -> str:
    """What is known about an order, its note included. LookupError if there is none."""
    _, _, product, quantity, state, days, note = _order(shop, number)
    (price,) = shop.execute(
        "SELECT price FROM products WHERE name = ?", (product,)
    ).fetchone()
    goods = quantity * price
    postage = 0 if goods > FREE_ABOVE_EUROS else POSTAGE_EUROS
    order = f"Order {number}"
    cancelled = "can be" if state == "paid" else "can no longer be"
    sentences = (
        f"{order} is for {quantity} {product}.",
        f"{order} costs {goods + postage} euros, postage included.",
        f"{order} was placed {days} days ago.",
        f"{order} {STATES[state]}.",
        f"{order} {cancelled} cancelled.",
        f"{order} {_returnable(state, days)}.",
        f"Note on order {number}: {note}" if note else "",
    )
    return " ".join(filter(None, sentences))


def _returnable(state: str, days: int) -> str:
    """Whether an order can be sent back, and for how much longer."""
    if state in ("returned", "refunded", "cancelled"):
        return "is not with you, so it can't be sent back"
    if state != "delivered":
        return f"can be sent back within {RETURN_DAYS} days of its delivery"
    left = RETURN_DAYS - max(days - DELIVERY_DAYS, 0)
    if left < 0:
        return "can no longer be sent back: it is too late"
    return f"can be sent back for {left} more days"


def owner(shop: sqlite3.Connection, number: int) -> str:
    """Who placed an order. LookupError if there is none of that number."""
    return _order(shop, number)[1]


def cancel_order(shop: sqlite3.Connection, number: int) -> str:
    """Cancel an order that isn't packed, or say why not."""
    if _order(shop, number)[4] != "paid":
        return f"Order {number} can't be cancelled any more."
    _set(shop, number, "cancelled")
    return f"Order {number} is cancelled."


def refund_order(shop: sqlite3.Connection, number: int) -> str:
    """Pay back an order that has come back, or say why not."""
    if _order(shop, number)[4] != "returned":
        return f"Order {number} has not come back to us, so nothing is paid back yet."
    _set(shop, number, "refunded")
    return f"The money for order {number} is paid back."


def _order(shop: sqlite3.Connection, number: int) -> tuple:
    row = shop.execute("SELECT * FROM orders WHERE number = ?", (number,)).fetchone()
    if row is None:
        raise LookupError(f"There is no order {number}.")
    return row


def _set(shop: sqlite3.Connection, number: int, state: str) -> None:
    with shop:
        shop.execute("UPDATE orders SET state = ? WHERE number = ?", (state, number))
