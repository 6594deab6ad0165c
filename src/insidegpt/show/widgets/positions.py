"""The view of rotary positions: a query and a key that turn."""

from jaxtyping import Float
from torch import Tensor

from insidegpt.show.view import View


def positions_view(
    frequencies: Float[Tensor, " half"],
    *,
    query: int = 5,
    key: int = 2,
    pair: int = 0,
    longest: int = 60,
    caption: str,
    alt: str,
) -> View:
    """A query and a key turning with their positions, for each pair of a head."""
    return View(
        "positions",
        {
            "frequencies": [float(f"{f:.5g}") for f in frequencies.tolist()],
            "query": query,
            "key": key,
            "pair": pair,
            "longest": longest,
        },
        caption=caption,
        alt=alt,
    )
