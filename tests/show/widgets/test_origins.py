"""The view of a summary's sources names the sentences that have its words."""

from viewed import WORDS, stored

from insidegpt.show import widgets
from insidegpt.show.widgets.origins import marked, origins

TEXT = "The ferry stops in March. A pump broke. A new pump is 900 euros.\nBooks sank."


def test_origins_by_hand():
    """Of new, pump, 900 and euros the third has all, and the second one: not enough."""
    source = TEXT.replace("\n", " ").split(". ")
    assert origins("The new pump: 900 euros", source) == [2]
    both = "In March the ferry stops, as a new pump is 900 euros"
    assert origins(both, source) == [2, 0], "the third has four words of it"
    assert origins("Sheep graze in hills", source) == []
    assert origins("The pump", source) == [], "one word is no source"


def test_words_that_the_text_lacks_are_marked():
    assert marked("The pump is 950 euros.", TEXT) == [
        ["The", False],
        ["pump", False],
        ["is", False],
        ["950", True],
        ["euros.", False],
    ]


def test_the_view_keeps_every_sentence_and_where_it_is_from():
    told = {"copy": "A pump broke. Books sank.", "lie": "A pump is 950 euros."}
    view = widgets.origins_view(TEXT, told, begin=1, title="T", **WORDS)
    data = stored(view)
    assert data["begin"] == 1 and len(data["text"]) == 4
    copy, lie = (s["sentences"] for s in data["summaries"])
    assert [s["from"] for s in copy] == [[1], [3]]
    assert [s["from"] for s in lie] == [[2]]
    assert "A pump is 950 euros." in view.markup
