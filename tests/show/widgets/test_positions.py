"""The view of positions keeps the frequencies as exactly as its text prints turns."""

import math

from viewed import WORDS, stored

from insidegpt.model.rope import rope_frequencies
from insidegpt.show import widgets


def test_a_full_turn_is_the_same_to_the_printed_digit():
    frequencies = rope_frequencies(64, base=1e5)
    data = stored(widgets.positions_view(frequencies, pair=31, **WORDS))
    turns = [round(2 * math.pi / f) for f in data["frequencies"]]
    assert turns == [round(2 * math.pi / f) for f in frequencies.tolist()]
    assert turns[31] == 438_460  # 2 pi times 100,000 to the 31/32
