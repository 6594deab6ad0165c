"""The first cut: matches and what lies between them, names, letters of bytes."""

import pytest

from insidegpt.text import pretokens


@pytest.mark.parametrize(
    ("pattern", "text", "pieces"),
    [
        (pretokens.GPT2_PATTERN, "a  b's 12", ["a", " ", " b", "'s", " 12"]),
        (pretokens.SMOLLM2_PATTERN, "a  12 b", ["a", "  ", "1", "2", " b"]),
        (
            pretokens.LLAMA3_PATTERN,
            "It'S 12345!\n\n x",
            "It|'S| |123|45|!\n\n| x".split("|"),
        ),
        (pretokens.QWEN2_PATTERN, "It'S 12\n x", "It|'S| |1|2|\n| x".split("|")),
        (r"\d", "ab12\n\ncd", ["ab", "1", "2", "\n\ncd"]),
        (r"a|b", "xaby", ["x", "a", "b", "y"]),
    ],
)
def test_a_cut_by_hand(pattern, text, pieces):
    assert pretokens.compile_cut(pattern).findall(text) == pieces


def test_the_longest_name_is_taken_first():
    names = pretokens.name_pattern(["<a", "<a>", "", "."])
    assert names.split("x<a>.<a") == ["x", "<a>", "", ".", "", "<a", ""]


def test_every_byte_has_a_letter_of_its_own():
    assert sorted(pretokens.BYTE_OF.values()) == list(range(256))
    assert all(letter.isprintable() for letter in pretokens.BYTE_OF)
    assert pretokens.BYTE_OF["\u0120"] == ord(" ")
