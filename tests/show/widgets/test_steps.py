"""The view of a journey keeps its steps."""

from viewed import WORDS, stored

from insidegpt.show import widgets


def test_steps_are_kept():
    steps = [{"title": "One", "text": "First.", "pieces": ["a"]}]
    assert stored(widgets.steps_view(steps, **WORDS))["steps"] == steps
