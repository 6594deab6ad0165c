"""A figure as SVG: its text is text, its colours have names, its ids are its own."""

import re

import matplotlib
import pytest
from matplotlib.figure import Figure

from insidegpt.show import svg as room


def drawn(alt="A line that rises.", salt="a"):
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        fig = Figure(figsize=(200 / 72, 100 / 72))
        ax = fig.subplots()
        ax.plot([0, 1], [0, 1], color=room.QUERY)
        ax.set_xlabel("tokens")
        return room.svg(fig, alt, salt)


def test_words_can_be_read_and_found():
    text = drawn('Of "a" <and> b.')
    assert re.search(r"<text[^>]*>tokens</text>", text)
    assert 'aria-label="Of &quot;a&quot; &lt;and&gt; b."' in text
    assert 'viewBox="0 0 200 100"' in text and "DejaVu" not in text


def test_a_colour_with_a_meaning_follows_the_page_into_the_dark():
    assert f"var(--fig-query, {room.QUERY})" in drawn()


def test_nothing_in_it_reaches_beyond_it():
    """No style for all elements, no metadata, no id that another figure has."""
    first, second = drawn(salt="a"), drawn(salt="b")
    assert "<style" not in first and "<metadata" not in first
    ids = [set(re.findall(r'\bid="([^"]+)"', text)) for text in (first, second)]
    assert ids[0] and ids[0].isdisjoint(ids[1])
    assert drawn(salt="a") == first  # and the same in every run


@pytest.mark.parametrize(
    ("caption", "markup"),
    [
        ("Loss falls. By *half*.", "<strong>Loss falls.</strong> By <em>half</em>."),
        ("One finding", "<strong>One finding</strong>"),
        ("a < b", "<strong>a &lt; b</strong>"),
        ("2 * 3 * 4", "<strong>2 * 3 * 4</strong>"),
    ],
)
def test_a_caption_begins_with_its_finding(caption, markup):
    assert room.caption_html(caption) == markup


def test_the_digest_counts_lines_points_and_bars():
    axes = list(Figure().subplots(1, 2))
    axes[0].plot([0, 1], [2, 5])
    axes[0].scatter([1, 2, 3], [1, 2, float("nan")])
    axes[1].bar([1], [8], width=2)
    axes[1].text(0, 0, "here")
    numbers = [0, 2, 1, 5, 1, 1, 2, 2, 2, 8]
    mean = sum(numbers) / len(numbers)
    assert room.describe(axes) == f"<figure: 1 texts, 10 numbers, mean {mean:.3g}>"


def test_the_digest_of_centred_numbers_has_no_rounding_in_it():
    axes = [Figure().subplots()]
    axes[0].scatter([-1, 1 + 1e-15], [-3, 3])
    assert room.describe(axes) == "<figure: 0 texts, 4 numbers, mean 0>"
