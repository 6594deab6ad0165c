"""The view of neighbours stores the cosines and the order that the table has."""

import base64

import numpy as np
import pytest
import torch
from viewed import WORDS, stored

from insidegpt.show import widgets

NAMES = [" sun", " moon", " Moon", "moon", " 7", " star", " sea"]
# In the plane, by their angles to the sun in degrees.
ANGLES = torch.tensor([0.0, 30.0, 20.0, 1.0, 2.0, 60.0, 90.0]).deg2rad()
TABLE = torch.stack([ANGLES.cos(), ANGLES.sin()], 1) * torch.tensor([[3.0]])


def view(**settings):
    settings = {"word": "sun", "keep": 2, "title": "Near"} | settings
    return widgets.neighbours_view(TABLE, NAMES, **settings, **WORDS)


def unpacked(data):
    """For each kept word its neighbours and their cosines in hundredths."""
    words, count = data["words"].split(), data["count"]
    near = np.frombuffer(base64.b64decode(data["near"]), "<u2").reshape(count, -1)
    falls = np.array([ord(c) - 35 for c in data["cosines"]]).reshape(count, -1)
    return {
        words[n]: list(
            zip([words[i] for i in near[n]], 100 - falls[n].cumsum(), strict=True)
        )
        for n in range(count)
    }


def test_neighbours_are_in_order_each_once_and_never_the_word_itself():
    near = unpacked(stored(view(keep=1)))
    # cos 20 = 0.94; the moon with a small letter, 0.87, is the same word.
    assert near == {"sun": [("Moon", 94), ("star", 50), ("sea", 0)]}


def test_a_word_is_kept_that_is_asked_for_by_name():
    data = stored(view(keep=1, also=["star", "nothing"], word="star"))
    assert data["count"] == 2 and data["words"].split()[:2] == ["sun", "star"]
    # The moon at 30 degrees is nearer to 60 than the one at 20.
    assert unpacked(data)["star"] == [("moon", 87), ("sea", 87), ("sun", 50)]


def test_a_word_that_is_not_kept_is_refused():
    with pytest.raises(ValueError, match="not one of the 2 words"):
        view(word="star")
