"""Options are scored as themselves, and what a model wrote is read as it should be."""

import pytest
import torch

from insidegpt.measure import choices
from insidegpt.measure.choices import (
    LETTERS,
    WAYS,
    Item,
    Scored,
    encode_item,
    general_knowledge,
    has_only,
    is_exactly,
    letter_of,
    score_options,
    turn_options,
)
from insidegpt.measure.likelihood import ending_logprobs

ITEM = Item("Which is big?", ("a hen", "the ox", "a fly", "a bee"), 1)


def test_the_questions_are_what_they_should_be():
    items = general_knowledge()
    assert len({item.question for item in items}) == 100
    assert [sum(i.answer == n for i in items) for n in range(4)] == [25] * 4
    for item in items:
        assert len(set(item.options)) == 4 and item.question.endswith("?")


def test_turning_moves_options_and_answer_together():
    for by in range(4):
        other = turn_options(ITEM, by)
        assert other.options[other.answer] == "the ox"
        assert other.options[by] == "a hen"
    assert turn_options(ITEM, 4) == ITEM


def test_the_pick_by_hand():
    """-6, -4 over 1 token, -9 over 3: each measure prefers another option."""
    item = Item("?", ("x" * 12, "y", "zz"), 0)
    found = Scored(item, [-6.0, -4.0, -9.0], [2, 1, 3])
    assert found.pick() == 1
    assert found.pick("byte") == 0  # -0.5, -4, -4.5
    assert Scored(item, [-6.0, -4.0, -3.9], [2, 2, 1]).pick("token") == 1
    assert found.sure == pytest.approx(1 / (1 + 2.718281828**-2 + 2.718281828**-5))


def test_each_way_asks_in_its_own_words(tokenizer):
    seen = set()
    for name, way in WAYS.items():
        prompt, endings = encode_item(tokenizer, ITEM, way)
        said = [tokenizer.decode(ids) for ids in endings]
        shown = "a hen" in tokenizer.decode(prompt)
        space = "" if way.chat else " "
        wanted = LETTERS if shown else ITEM.options
        assert said == [space + text for text in wanted], name
        assert shown == name.startswith("letters")
        seen.add(tuple(prompt))
    assert len(seen) == len(WAYS)


def test_an_option_is_encoded_after_its_prompt_as_the_text_would_be(tokenizer):
    for name in ("question, answer", "letters", "the bare question"):
        for item in general_knowledge()[:20]:
            prompt, endings = encode_item(tokenizer, item, WAYS[name])
            for ending in endings:
                whole = tokenizer.decode([*prompt, *ending])
                assert tokenizer.encode(whole) == [*prompt, *ending]


def test_scores_are_those_of_each_option_alone(smollm2, tokenizer):
    way = WAYS["question, answer"]
    for item, found in zip(
        general_knowledge()[:2],
        score_options(smollm2, tokenizer, general_knowledge()[:2], way),
        strict=True,
    ):
        prompt, endings = encode_item(tokenizer, item, way)
        alone = [ending_logprobs(smollm2, [prompt], [end]).item() for end in endings]
        assert torch.allclose(
            torch.tensor(found.logprobs), torch.tensor(alone), atol=1e-3
        )
        assert found.tokens == [len(end) for end in endings]


@pytest.mark.parametrize(
    "text, exact, only",
    [
        ("The ox.", True, True),
        ("ox", True, True),
        ("I think it is the ox!", False, True),
        ("The ox, not a hen.", False, False),
        ("An oxen", False, False),
        ("", False, False),
    ],
)
def test_what_was_written_is_marked(text, exact, only):
    assert is_exactly(ITEM, text) == exact
    assert has_only(ITEM, text) == only


@pytest.mark.parametrize(
    "text, place",
    [
        ("B", 1),
        (" C. the fly", 2),
        ("The answer is (D)", 3),
        ("Because", None),
        ("", None),
    ],
)
def test_the_first_letter_that_stands_alone(text, place):
    assert letter_of(text) == place


def test_writing_is_greedy_and_in_the_order_of_the_questions(smollm2, tokenizer):
    items = general_knowledge()[:2]
    way = WAYS["question, answer"]
    both = choices.written_answers(smollm2, tokenizer, items, way, max_new_tokens=3)
    alone = [
        choices.written_answers(smollm2, tokenizer, [item], way, max_new_tokens=3)[0]
        for item in items
    ]
    assert both == alone
