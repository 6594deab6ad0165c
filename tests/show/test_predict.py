"""A question holds its answer, and what is wrong with one is said when it is made."""

import json
import re

import pytest

from insidegpt.show import predict


def stored(view):
    html = view._repr_mimebundle_()[0]["text/html"]
    (text,) = re.findall(r'<script type="application/json">(.*?)</script>', html, re.S)
    return json.loads(text)


def test_a_choice_knows_the_place_of_its_answer():
    data = stored(predict.choice("Which?", ["a", "b"], answer="b"))
    assert data["kind"] == "choice" and data["options"][data["answer"]] == "b"


def test_a_token_s_answer_is_the_likeliest():
    data = stored(predict.token("Next?", likely={" a": 0.2, " Paris": 0.77}))
    assert data["answer"] == " Paris"
    assert data["likely"] == [[" Paris", 0.77], [" a", 0.2]]


def test_a_number_begins_in_the_middle_unless_told_otherwise():
    data = stored(predict.number("How many?", answer=3, low=0, high=10, unit="%"))
    assert (data["answer"], data["begin"], data["unit"]) == (3, 5, "%")


def test_a_curve_keeps_its_points():
    labels = {"xlabel": "layer", "ylabel": "share"}
    data = stored(predict.curve("Draw it.", [0, 10], [0.12345678, 1], **labels))
    assert data["x"] == [0, 10] and data["y"] == [0.1235, 1]


def test_without_scripts_the_question_and_its_options_can_be_read():
    html = predict.choice("Is a < b?", ["yes", "no"], answer="yes")._repr_mimebundle_()
    markup = html[0]["text/html"]
    assert "Is a &lt; b?" in markup and "<li>yes</li><li>no</li>" in markup
    assert 'class="ig-truth"' not in markup


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda: predict.choice("?", ["a"], answer="b"), "'b' is not among"),
        (lambda: predict.number("?", answer=3, low=4, high=9), "3 does not lie"),
        (
            lambda: predict.curve("?", [1, 2], [1], xlabel="", ylabel=""),
            "2 places and 1 heights",
        ),
    ],
)
def test_a_question_without_its_answer_is_refused(ask, told):
    with pytest.raises(ValueError, match=told):
        ask()
