"""The view of a ring all-reduce adds right, and begins where something is seen."""

import pytest
import torch
from viewed import WORDS, stored

from insidegpt.show import widgets
from insidegpt.show.widgets.ring import MOST, ring_after

NUMBERS = torch.arange(MOST * MOST).view(MOST, MOST) % 7


def test_two_machines_by_hand():
    """Parts (1, 2) and (3, 4) of machines 0 and 1: M0 sends part 0, M1 part 1.

    Then M1 has 1 + 2 = 3 of part 0 and M0 has 4 + 3 = 7 of part 1, and they swap.
    """
    table = torch.tensor([[1, 2], [3, 4]])
    assert ring_after(table, 1).tolist() == [[1, 3], [7, 4]]
    assert ring_after(table, 2).tolist() == [[3, 3], [7, 7]]


@pytest.mark.parametrize("n", range(2, MOST + 1))
def test_after_all_steps_everybody_has_every_sum_and_not_before(n):
    table = NUMBERS[:n, :n] + 1
    whole = table.sum(1, keepdim=True).expand(n, n)
    last = 2 * (n - 1)
    assert torch.equal(ring_after(table, last), whole)
    assert not torch.equal(ring_after(table, last - 1), whole)
    assert torch.equal(ring_after(table, 0), table)


def test_the_view_keeps_its_numbers_and_has_a_picture_for_pages_without_scripts():
    view = widgets.ring_view(NUMBERS, machines=3, title="T", **WORDS)
    assert stored(view) == {"numbers": NUMBERS.tolist(), "machines": 3}
    assert "<svg" in view.markup


@pytest.mark.parametrize("machines", [1, MOST + 1])
def test_what_it_can_not_draw_is_refused(machines):
    with pytest.raises(ValueError, match="The view takes"):
        widgets.ring_view(NUMBERS, machines=machines, title="T", **WORDS)
