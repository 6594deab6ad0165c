"""Search by words and by meaning, and what joins their lists."""

import pytest
import torch

from insidegpt.apply.retrieval import (
    Found,
    Passage,
    embed,
    fuse,
    read_passages,
    search_by_meaning,
    search_by_words,
)

PASSAGES = [
    Passage("hours", "The shop is open from 9 to 6 on every day except Sunday."),
    Passage("parking", "Customers park behind the shop. It is free for 90 minutes."),
    Passage("refund", "Your money is back 5 days after your return has arrived."),
]


def test_passages_are_read_below_their_ids():
    text = "## a-b\nOne.\nTwo.\n\n## c\nThree.\n"
    assert read_passages(text) == [Passage("a-b", "One.\nTwo."), Passage("c", "Three.")]


@pytest.mark.parametrize("text", ["", "No id.", "## a\nx\n## a\ny"])
def test_a_handbook_without_ids_of_their_own_is_refused(text):
    with pytest.raises(ValueError, match="id of its own"):
        read_passages(text)


def test_words_find_what_shares_their_stems_and_nothing_else():
    search = search_by_words(PASSAGES)
    assert [f.passage.id for f in search("Where can I park?", 3)] == ["parking"]
    assert [f.passage.id for f in search("the returned money", 3)] == ["refund"]
    assert search("the of and", 3) == search("xylophone", 3) == []


def test_meaning_finds_what_shares_no_word():
    search = search_by_meaning(PASSAGES)
    assert search("Where do I leave my car?", 1)[0].passage.id == "parking"
    assert len(search("Where?", 9)) == 3


def test_vectors_have_length_one_and_padding_changes_none():
    alone, beside = embed([PASSAGES[1].text]), embed([PASSAGES[1].text, "No " * 50])
    assert torch.allclose(alone.norm(dim=1), torch.ones(1), atol=1e-5)
    assert torch.allclose(alone[0], beside[0], atol=1e-5)


def test_fusion_adds_reciprocal_places():
    """b: 1/62 + 1/61. a: 1/61. c: 1/62."""
    a, b, c = PASSAGES
    one = lambda question, count: [Found(a, 9.0), Found(b, 8.0)]  # noqa: E731
    two = lambda question, count: [Found(b, 0.2), Found(c, 0.1)]  # noqa: E731
    fused = fuse(one, two)("?", 2)
    assert [f.passage for f in fused] == [b, a]
    assert fused[0].score == pytest.approx(1 / 62 + 1 / 61)
