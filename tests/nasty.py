"""Texts on which tokenizers part: white space, marks, numbers, names, half an emoji."""

from hypothesis import strategies as st

NASTY = (
    *(
        "  ",
        "   ",
        "\n",
        "\r\n",
        "\t",
        "\u00a0",
        "\u3000",
        "\u2028",
        "\u200b",
        "\ufeff",
        "\u0378",
        "\uffff",
    ),
    *(
        "0",
        "7",
        "42",
        "½",
        "Ⅳ",
        "²",
        "٣",
        "一",
        "3.14",
        "1,000",
        "\x00",
        "\x04",
        "\x7f",
    ),
    *(
        "'s",
        "'LL",
        "don't",
        "’s",
        "é",
        "e\u0301",
        "ß",
        "İ",
        "今天天气",
        "한국어",
        "हिन्दी",
    ),
    *("🍓", "👩‍👩‍👧", "🇫🇷", "☀️", "\U000e0041", "\ud7ff", "\U0010ffff", "<|endoftext|>"),
    *(
        "<|im_start|>",
        "<|im_end|>",
        "def f(x):\n    return",
        "____",
        "--",
        "…",
        "a" * 120,
    ),
)

# Every character that has been assigned. What was assigned last year is a letter to one
# library and nothing yet to another, which says nothing about either tokenizer.
characters = st.characters(exclude_categories=["Cs", "Cn"])
texts = st.lists(
    st.sampled_from(NASTY) | st.text(characters, max_size=6), min_size=1, max_size=6
).map("".join)
