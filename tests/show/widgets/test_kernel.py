"""The view of kernel regression mixes as attention does, and begins where it says."""

import math

import pytest
import torch
from viewed import WORDS, stored

from insidegpt.model.attention import attend_explicit
from insidegpt.show import widgets
from insidegpt.show.widgets.kernel import WIDTHS, mixture


def test_three_readings_by_hand():
    """Weights 1, e^-1/2 and e^-2 at distances 0, 1 and 2 from the query, width 1."""
    row = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64)
    values = torch.tensor([10.0, 20.0, 40.0], dtype=torch.float64)
    near, far = math.exp(-0.5), math.exp(-2)
    expected = (10 + 20 * near + 40 * far) / (1 + near + far)
    assert mixture(row[:1], row, values, width=1).item() == pytest.approx(expected)


def test_a_mixture_is_attention_with_keys_of_one_length():
    """On a circle, distance and product say the same; D is 2, the width 2^(1/4)."""
    angles = torch.tensor([0.1, 0.9, 2.0, 4.0], dtype=torch.float64)
    on_circle = torch.stack([angles.cos(), angles.sin()], 1)
    values = torch.tensor([1.0, 2.0, 5.0, 7.0], dtype=torch.float64)
    q, k, v = on_circle[:1], on_circle, values[:, None].repeat(1, 2)
    result = attend_explicit(q[None, None], k[None, None], v[None, None])
    # Of a circle the view knows only chords: their lengths as distances on a line.
    chords = (k - q).norm(dim=1)
    got = mixture(torch.zeros(1).double(), chords, values, width=2**0.25).item()
    assert got == pytest.approx(result[0, 0, 0, 0].item(), abs=1e-12)


def test_the_view_begins_with_its_query_and_width_and_covers_its_keys():
    settings = {"query": 9, "width": 2, "title": "T", **WORDS}
    view = widgets.kernel_view([5.5, 22.5], [1.0, 2.0], **settings)
    data = stored(view)
    assert data["query"] == 9 and data["widths"][data["width"]] == 2
    assert (data["low"], data["high"]) == (4, 24)
    assert "<svg" in view.markup  # where no script runs
    assert WIDTHS == tuple(sorted(WIDTHS))


def test_a_width_that_the_slider_does_not_have_is_refused():
    with pytest.raises(ValueError, match="width must be one of"):
        widgets.kernel_view([1], [1], query=1, width=7, title="T", **WORDS)
