"""The view of positions keeps the frequencies it is given."""

import torch
from viewed import WORDS, stored

from insidegpt.show import widgets


def test_frequencies_are_kept():
    frequencies = torch.tensor([1.0, 0.1])
    data = stored(widgets.positions_view(frequencies, pair=1, **WORDS))
    assert data["frequencies"] == [1.0, 0.1] and data["pair"] == 1
