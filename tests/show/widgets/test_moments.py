"""The view of a training shows what was recorded of it."""

import pytest
from viewed import WORDS, stored

from insidegpt.show import widgets
from insidegpt.show.records import record
from insidegpt.show.widgets.moments import nearest, smooth


def test_smooth_takes_the_mean_of_a_tenth_of_each_step():
    """Around step 40 it is that of steps 38 to 42; the first steps stay as they are."""
    losses = [float(n) for n in range(1, 101)]
    curve = smooth(losses)
    assert curve[0] == [1, 1.0] and curve[-1] == [100, 97.5]
    assert dict(map(tuple, curve))[2] == 2.0
    for step, loss in curve[:-5]:
        assert loss == pytest.approx(step)
    assert nearest(curve, 1) == 0 and curve[nearest(curve, 1000)][0] == 100


def test_every_moment_has_its_place_on_the_curve_and_what_was_believed():
    run = record("pretraining")["runs"][0]
    view = widgets.moments_view(run, begin=3, title="T", **WORDS)
    data = stored(view)
    assert data["begin"] == 3 and data["tokens"] == 24 * 128
    assert [m["step"] for m in data["moments"]] == [m["step"] for m in run["moments"]]
    for shown, kept in zip(data["moments"], run["moments"], strict=True):
        assert shown["text"] == kept["text"]
        assert [b["top"] for b in shown["beliefs"]] == [
            b["top"] for b in kept["beliefs"]
        ]
        near = min(run["losses"], key=lambda pair: abs(pair[0] - kept["step"]))
        assert abs(near[0] - kept["step"]) <= 0.05 * kept["step"]
        assert shown["loss"] == near[1]
    assert data["losses"] == run["losses"] and data["losses"][-1][0] == run["steps"]
    assert run["moments"][-1]["text"][:20] in view.markup
