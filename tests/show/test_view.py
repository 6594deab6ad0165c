"""A view: one script for page and kernel, and data that is safe to put into HTML."""

import json
import re

import pytest

from insidegpt.show import view as views

WORDS = {"caption": "Look here.", "alt": "A picture of numbers."}
DATA = {"steps": [{"title": "One", "text": "First.", "pieces": ["a"]}]}


def bundle(view):
    return view._repr_mimebundle_()[0]


def stored(view):
    """The data that the static page will draw, out of the view's HTML."""
    pattern = r'<script type="application/json">(.*?)</script>'
    (text,) = re.findall(pattern, bundle(view)["text/html"], re.S)
    return json.loads(text)


def test_a_view_has_html_for_the_page_and_a_widget_for_the_kernel():
    view = views.View("steps", DATA, **WORDS)
    made = bundle(view)
    assert "application/vnd.jupyter.widget-view+json" in made
    assert made["text/html"].startswith('<figure data-view="steps" aria-label="A pi')
    words = "<figcaption><strong>Look here.</strong></figcaption>"
    assert words in made["text/html"]
    assert made["text/plain"] == repr(view)


def test_a_live_view_has_the_same_script_and_data_as_the_page():
    view = views.View("steps", DATA, **WORDS)
    assert stored(view) == view.data == DATA
    for name in (*views.SHARED, *views.NAMES):
        assert (views.VIEWS / f"{name}.js").read_text("utf-8") in views.script()


@pytest.mark.parametrize(
    "evil",
    [
        '</script><img src=x onerror="alert(1)">',
        "<!-- <script>",  # together they would hide the script's end
        "</figure>",
        "'\"&amp;<b>\u2028\u2029\x00\\",
    ],
)
def test_nothing_in_the_data_or_the_words_can_end_the_script(evil):
    view = views.View("steps", {evil: [evil]}, caption=evil, alt=evil)
    html = bundle(view)["text/html"]
    assert html.count("</script>") == 1 and html.count("</figure>") == 1
    assert "<!--" not in html and "<img" not in html.split("<script")[0]
    assert stored(view) == {evil: [evil]}


def test_what_is_needed_later_goes_to_a_kernel_and_not_into_the_page():
    view = views.View("steps", DATA, extra={"merges": "many" * 99}, **WORDS)
    assert view.extra == {"merges": "many" * 99}
    assert "many" not in bundle(view)["text/html"]


def test_the_text_of_a_view_is_stable_and_tells_its_numbers():
    view = views.View("steps", {"x": [1.0, 2.0, "a"]}, **WORDS)
    assert repr(view) == "<view steps: 1 texts, 2 numbers, mean 1.5>"
    assert repr(views.View("steps", {"x": [1.0, 4.0]}, **WORDS)) != repr(view)


def test_a_view_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="There is no view 'pie'"):
        views.View("pie", {}, **WORDS)


@pytest.mark.parametrize("number", [float("nan"), float("-inf")])
def test_a_number_that_json_does_not_know_is_refused(number):
    """The page's script could read none of the data; masks of -inf are usual."""
    with pytest.raises(ValueError, match="A number for the view 'steps' is infinite"):
        views.View("steps", {"steps": [{"bars": [["a", number]]}]}, **WORDS)
