"""The texts of the course: what each has to have for its scores to mean something."""

import json
from collections import Counter
from importlib.resources import files

import pytest

from insidegpt.apply.facts import (
    foreign_names,
    foreign_numbers,
    stated,
    unsupported,
    words_of,
)
from insidegpt.apply.sources import load_sources, pieces, sentences_of
from insidegpt.apply.summarize import copied, tidy
from insidegpt.show.records import record

SHORT = [*load_sources("test"), *load_sources("dev")]
LONG = load_sources("long")
EACH = pytest.mark.parametrize("source", [*SHORT, *LONG], ids=lambda s: s.name)


def words(text):
    return len(text.split())


def test_there_are_enough_texts_of_enough_kinds_and_none_twice():
    assert len(load_sources("test")) >= 32 and len(load_sources("dev")) == 4
    kinds = Counter(source.kind for source in load_sources("test"))
    assert len(kinds) >= 8 and min(kinds.values()) >= 1 and max(kinds.values()) <= 4
    names = [source.name for source in [*SHORT, *LONG]]
    assert len(set(names)) == len(names) == len({s.text for s in [*SHORT, *LONG]})
    first = sum(source.point_first for source in load_sources("test"))
    assert 10 <= first <= 20, "about half put their point first, or lead-3 has to win"


@EACH
def test_lengths_are_within_bounds(source):
    if source.part == "long":
        assert words(source.text) >= 800 and 60 <= words(source.reference) <= 90
        assert len(source.facts) >= 8
    else:
        assert 120 <= words(source.text) <= 250
        assert 25 <= words(source.reference) <= 45
        assert 20 <= words(source.paraphrase) <= 45
        assert 4 <= len(source.facts) <= 6


@EACH
def test_reference_and_paraphrase_state_every_key_fact(source):
    assert all(stated(source.reference, source.facts))
    if source.paraphrase:
        assert all(stated(source.paraphrase, source.facts))


@EACH
def test_a_fact_has_its_numbers_from_the_text(source):
    for fact in source.facts:
        values = [[t for t in words_of(p) if t[0].isdigit()] for p in fact.stated]
        known = words_of(source.text)
        assert any(set(v) <= set(known) for v in values), fact.question
        if not any(values):
            ways = [
                set(words_of(p.replace("*", "").replace("_", ""))) for p in fact.stated
            ]
            assert any(
                any(token.startswith(word) for token in known)
                for way in ways
                for word in way
            ), fact.question


@EACH
def test_references_are_neither_extracts_nor_inventions(source):
    assert copied(source.reference, source.text) < 0.35
    for summary in filter(None, (source.reference, source.paraphrase)):
        assert foreign_names(summary, source.text) == []
        assert set(foreign_numbers(summary, source.text)) <= {"2"}  # "twice"


@pytest.mark.parametrize("source", SHORT, ids=lambda s: s.name)
def test_a_paraphrase_has_few_runs_of_words_of_the_reference(source):
    assert copied(source.paraphrase, source.reference) <= 0.08


def test_sentences_by_hand():
    text = 'From: A\n1. He said "no." Then, at 4.5 km/h, Ms. B left!\n\nWho? X'
    assert sentences_of(text) == [
        '1. He said "no."',
        "Then, at 4.5 km/h, Ms. B left!",
        "Who?",
        "X",
    ]


def test_pieces_are_whole_paragraphs_and_lose_nothing():
    text = "\n".join(n * "word " for n in (3, 4, 5, 20, 1, 1))
    found = list(pieces(text, max_words=8))
    assert "\n".join(found) == text
    assert [words(piece) for piece in found] == [7, 5, 20, 2]
    assert list(pieces("short")) == ["short"]


def test_every_sentence_of_the_summaries_on_the_page_was_labelled():
    folder = files("insidegpt.apply") / "texts"
    labels = json.loads((folder / "labels.json").read_text("utf-8"))
    kept = record("summarization")
    assert labels["prompt"] == kept["order"][0]
    assert set(labels["summaries"]) == {s.name for s in load_sources("test")}
    for name, rows in labels["summaries"].items():
        summary = tidy(kept["test"][labels["prompt"]][name])
        assert sentences_of(summary) == [sentence for sentence, _ in rows]
        assert {label for _, label in rows} <= {"supported", "wrong", "invented"}


def test_the_check_objects_to_no_sentence_that_its_reader_found_supported():
    folder = files("insidegpt.apply") / "texts"
    labels = json.loads((folder / "labels.json").read_text("utf-8"))
    for source in load_sources("test"):
        for sentence, label in labels["summaries"][source.name]:
            assert label != "supported" or not unsupported(sentence, source.text)
