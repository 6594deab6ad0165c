"""What pages rely on: sources are shown as they are, and same() can fail."""

import pytest
import torch

from insidegpt.model import layers, rope
from insidegpt.show import same, show, show_cpp


@pytest.fixture
def shown(monkeypatch):
    """show(), returning what it would display."""
    outputs = []
    monkeypatch.setattr("insidegpt.show.source.display", outputs.append)

    def call(*objects):
        show(*objects)
        return [output.data for output in outputs]

    return call


def test_show_gives_the_source_with_its_place(shown):
    (text,) = shown(rope.apply_rope)
    assert text.startswith("*`insidegpt.model.rope.apply_rope`*")
    assert "a * cos - b * sin" in text and text.endswith("```")


def test_a_method_is_shown_without_its_indentation(shown):
    (text,) = shown(layers.RMSNorm.forward)
    assert "\n```python\ndef forward(" in text


def test_several_objects_are_several_outputs(shown):
    assert len(shown(layers.RMSNorm, layers.make_norm)) == 2


def test_a_function_of_the_cpp_comes_with_its_comment_and_to_its_end(monkeypatch):
    outputs = []
    monkeypatch.setattr("insidegpt.show.source.display", outputs.append)
    show_cpp("normalize", "strip")
    first, second = (output.data for output in outputs)
    assert "```cpp\nvoid normalize(" in first and first.endswith("\n}\n```")
    assert "```cpp\n// 16 rows of a matrix" in second and "void product" not in second
    with pytest.raises(ValueError, match="no function nothing"):
        show_cpp("nothing")


def double(x):
    return 2 * x


def test_same_prints_what_it_proved(capsys):
    same(double, lambda x: x + x, [(1,), (2.5,)], name="add")
    assert capsys.readouterr().out == "double equals add exactly on 2 cases\n"


@pytest.mark.parametrize(
    ("real", "case", "tolerance"),
    [
        (lambda x: x, (1,), 0),
        (lambda x: 2 * x + 1e-3, (torch.ones(2),), 1e-4),
        (lambda x: 2 * x, (torch.tensor([float("nan")]),), 1.0),
        (lambda x: (2 * x)[:1], (torch.ones(2),), 1.0),
        (lambda x: [*x, *x, 0], ([1],), 0),
        (lambda x: [2 * x[0]], ([0.1, 0.2],), 1.0),
    ],
)
def test_same_fails_where_two_differ(real, case, tolerance):
    with pytest.raises(AssertionError, match="double and real differ on case 0"):
        same(double, real, [case], tolerance=tolerance, name="real")


def test_same_without_cases_proves_nothing_and_says_so():
    with pytest.raises(ValueError, match="nothing was compared"):
        same(double, double, [])


def test_tolerance_holds_inside_lists():
    pair = lambda x: [2 * x + 1e-7, "text"]  # noqa: E731
    same(lambda x: [2.0 * x, "text"], pair, [(1.0,)], tolerance=1e-6, name="pair")
