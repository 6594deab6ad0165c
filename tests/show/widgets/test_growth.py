"""The view of a growing model keeps what was said, and refuses what doesn't fit."""

import pytest
from viewed import WORDS, stored

from insidegpt.show import widgets
from insidegpt.show.widgets import Asked, Moment

ASKED = [
    Asked("well known", [{"role": "user", "content": "Where?"}], "In Oslo."),
    Asked("new", [{"role": "user", "content": "When?"}], "In … I don't know."),
]
MOMENTS = [
    Moment("base", 1, [0.0, 0.1], [("xx", "odd"), ("In May.", "wrong")]),
    Moment("sft", 9, [1.0, 0.9], [("In Oslo.", "right"), (ASKED[1].answer, "unknown")]),
]
CURVES = ["right", "admitted"]


def view_of(moments):
    return widgets.growth_view(ASKED, moments, curves=CURVES, title="T", **WORDS)


def test_it_keeps_every_moment_and_has_a_picture_for_pages_without_scripts():
    view = view_of(MOMENTS)
    data = stored(view)
    assert data["stages"] == ["base", "sft"] and data["curves"] == CURVES
    assert [moment["step"] for moment in data["moments"]] == [1, 9]
    assert data["moments"][1]["says"] == [["In Oslo.", "right"], [*MOMENTS[1].says[1]]]
    assert data["asked"][0]["turns"] == ASKED[0].turns
    assert "<svg" in view.markup


@pytest.mark.parametrize(
    "part",
    [
        {"says": MOMENTS[0].says[:1]},
        {"shares": [0.5]},
        {"says": [("xx", "odd"), ("yy", "splendid")]},
    ],
)
def test_a_moment_that_misses_something_is_named(part):
    with pytest.raises(ValueError, match="Step 9 of sft must have 2 answers"):
        view_of([MOMENTS[0], MOMENTS[1]._replace(**part)])
