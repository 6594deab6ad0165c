"""Sums: written, checked, and split so that no pair is in two places."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insidegpt.text.sums import (
    END,
    PROMPT_TOKENS,
    SIGNS,
    STYLES,
    VOCAB,
    Sum,
    is_formed,
    is_right,
    split_sums,
    to_ids,
    to_text,
    written,
)

numbers = st.integers(10, 99)
sums = st.builds(Sum, numbers, numbers)


def test_the_three_styles_by_hand():
    asked = Sum(47, 85)
    assert asked.question == "47+85="
    assert written(asked, "plain") == "132"
    assert written(asked, "reversed") == "231"
    assert written(asked, "steps") == "7+5=12,4+8+1=13:132"
    assert written(Sum(12, 34), "steps") == "2+4=6,1+3=4:46"
    with pytest.raises(ValueError, match="'aloud'"):
        written(asked, "aloud")


@given(sums)
def test_what_the_steps_say_is_true_and_leads_to_the_sum(asked):
    steps, answer = written(asked, "steps").split(":")
    results = []
    for step in steps.split(","):
        left, result = step.split("=")
        assert sum(map(int, left.split("+"))) == int(result)
        results.append(result)
    assert int(answer) == sum(asked)
    assert results[1] + results[0][-1] == answer  # tens, then the digit of the ones


@given(sums, st.sampled_from(STYLES))
def test_a_written_answer_is_right_and_well_formed_and_survives_encoding(asked, style):
    text = written(asked, style)
    assert to_text(to_ids(text)) == text
    assert is_right(asked, text, style) and is_formed(text, style)
    assert len(to_ids(asked.question)) == PROMPT_TOKENS
    assert max(to_ids(text)) < END < len(SIGNS) < VOCAB


def test_only_the_answer_is_checked_and_all_of_it():
    asked = Sum(47, 85)
    assert is_right(asked, "7+5=99,:132") and not is_formed("7+5=99,:132", "steps")
    assert is_formed("7+5=13,4+8=1:777", "steps")
    for wrong in ("", "13", "1322", "0132", "132:", "231", "7+5=12:13"):
        assert not is_right(asked, wrong)
    assert is_right(asked, "231", "reversed")
    assert not is_right(asked, "132", "reversed")
    assert not is_right(Sum(50, 71), "21", "plain")
    assert not is_formed("7", *STYLES) and is_formed("70", "plain")


def test_both_orders_of_a_pair_are_in_one_split_and_all_sums_in_one():
    split = split_sums(3, taught=300)
    pairs = [{tuple(sorted(s)) for s in part} for part in split]
    assert [len(part) for part in pairs] == [300, 4095 - 1100, 400, 400]
    assert len(set.union(*pairs)) == 4095 and sum(map(len, split)) == 8100
    assert all(Sum(s.b, s.a) in set(part) for part in split for s in part)
    assert split == split_sums(3, taught=300) != split_sums(4, taught=300)


def test_what_is_no_sum_is_named():
    with pytest.raises(ValueError, match="'x'"):
        to_ids("47x85=")
    assert to_text([4, 7, 15]) == "47?"
    for taught in (0, 3295):
        with pytest.raises(ValueError, match="leave none"):
            split_sums(0, taught=taught)
