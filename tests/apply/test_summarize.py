"""Sentences that are taken, and a model that is asked."""

import networkx
import numpy as np
import pytest

from insidegpt.apply.summarize import (
    ask_summary,
    copied,
    draw_sentences,
    lead,
    overlaps,
    pagerank,
    textrank,
    tidy,
    write_all,
)
from insidegpt.infer.chat import answer

TEXT = "One cat. Two cats sleep. Three dogs sleep. Cats and dogs sleep. Nobody."


def test_lead_takes_the_first_and_lots_stay_in_order():
    assert lead(TEXT, 2) == "One cat. Two cats sleep."
    drawn = draw_sentences(TEXT, 3, seed=1)
    places = [TEXT.index(s) for s in drawn[:-1].split(". ")]
    assert places == sorted(places) and len(places) == 3
    assert draw_sentences(TEXT, 99) == TEXT
    assert len({draw_sentences(TEXT, 2, seed=seed) for seed in range(20)}) > 4


def test_overlap_by_hand():
    """Two words shared, cats and sleep; sets of 3 and 4 words."""
    found = overlaps(["Two cats sleep.", "Cats and dogs sleep.", "!"])
    assert found[0, 1] == pytest.approx(2 / (np.log(3) + np.log(4)))
    assert (found == found.T).all() and not found.diagonal().any() and found[2, 0] == 0


def test_rank_is_pagerank():
    weights = overlaps(["a b c d", "b c d e", "a e f g", "g h"])
    graph = networkx.from_numpy_array(weights)
    expected = networkx.pagerank(graph, alpha=0.85, tol=1e-12, max_iter=500)
    found = pagerank(weights, rounds=300)
    np.testing.assert_allclose(found, list(expected.values()), atol=1e-9)


def test_textrank_takes_the_sentences_that_share_most():
    assert textrank(TEXT, 1) == "Cats and dogs sleep."
    assert textrank("One.") == "One."


def test_tidy_drops_repeats_and_a_broken_end():
    assert tidy("It is. It is. It was. It") == "It is. It was."
    assert tidy("A b. C d. E f. G h.", 2) == "A b. C d."
    assert tidy("never ends") == ""


def test_copied_counts_runs_of_four_words():
    """Of the runs abcd, bcde, cdef the first two are in the text."""
    assert copied("a b c d e f", "x a B c d, e y") == pytest.approx(2 / 3)
    assert copied("a b c", "a b c") == 0.0


def test_a_request_has_the_text_where_the_prompt_says():
    talk = ask_summary("T {text}", "Sum {text}!", system="S", example=("E", "e"))
    assert [m["content"] for m in talk] == ["S", "Sum E!", "e", "Sum T {text}!"]
    assert [m["role"] for m in talk] == ["system", "user", "assistant", "user"]


def test_several_at_once_get_what_each_gets_alone(smollm2, tokenizer):
    texts = ("What is the capital of France?", "Say yes.", "What is 2 and 2?")
    talks = [ask_summary(text, "{text}") for text in texts]
    together = write_all(smollm2, tokenizer, talks, max_new_tokens=10, slots=2)
    alone = [
        "".join(answer(smollm2, tokenizer, talk, max_new_tokens=10)).strip()
        for talk in talks
    ]
    assert together == alone
    assert together[0] == "The capital of France is Paris."
