"""The view of a ring all-reduce: machines, their parts, and who sends which when."""

from jaxtyping import Int
from matplotlib.axes import Axes
from torch import Tensor

from insidegpt.show import plots
from insidegpt.show.view import View

MOST = 6  # machines; more would not fit a phone


def ring_after(table: Int[Tensor, "n n"], steps: int) -> Int[Tensor, "n n"]:
    """What machine i (column) has of part c (row) after so many steps.

    Each step every machine sends its right neighbour one part: first to be added, and
    after n - 1 steps, when each has one sum, to be taken over.
    """
    n = len(table)
    table = table.clone()
    for step in range(steps):
        parcels = [int(table[(i - step) % n, i]) for i in range(n)]
        for i, parcel in enumerate(parcels):
            part, right = (i - step) % n, (i + 1) % n
            adding = step < n - 1
            table[part, right] = parcel + (table[part, right] if adding else 0)
    return table


def ring_view(
    numbers: Int[Tensor, "n n"],
    *,
    machines: int = 4,
    title: str,
    caption: str,
    alt: str,
) -> View:
    """Small numbers going round; row c, column i: part c of machine i.

    machines: how many there are at first. Raises ValueError for a table that is not
    ``MOST`` by ``MOST``, or more machines than that.
    """
    if numbers.shape != (MOST, MOST) or not 2 <= machines <= MOST:
        raise ValueError(
            f"The view takes {MOST} by {MOST} numbers and 2 to {MOST} machines, not "
            f"{tuple(numbers.shape)} and {machines}."
        )
    data = {"numbers": numbers.tolist(), "machines": machines}
    first = numbers[:machines, :machines]

    def paint(*axes: Axes) -> None:
        for ax, steps in zip(axes, (0, 2 * (machines - 1)), strict=True):
            name = "before" if steps == 0 else f"after {steps} steps"
            columns = [f"M{i}" for i in range(machines)]
            rows = [f"part {c}" for c in range(machines)]
            table = ring_after(first, steps)
            plots.table(ax, table, title=name, rows=rows, columns=columns)

    fallback, _ = plots.pictures(paint, alt=alt, height=240, panels=2)
    words = {"title": title, "caption": caption, "alt": alt, "fallback": fallback}
    return View("ring", data, **words)
