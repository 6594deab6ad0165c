"""The view of a summary's sources marks in the text what a sentence draws on."""

import pytest

PAGE = "book/applications/summarization.html"
READ = (
    "f => JSON.parse(f.querySelector('script[type=\"application/json\"]').textContent)"
)


@pytest.fixture
def view(visit, address):
    return visit(f"{address}/{PAGE}").locator("figure[data-view=origins]")


def test_each_sentence_marks_its_sources_and_no_others(view):
    data = view.evaluate(READ)
    for summary in data["summaries"]:
        view.get_by_role("button", name=summary["name"], exact=True).click()
        said = view.get_by_role("group", name="Sentences of the summary")
        for n, sentence in enumerate(summary["sentences"]):
            said.get_by_role("button").nth(n).click()
            marks = view.locator("mark").all_inner_texts()
            assert marks == [data["text"][m] for m in sorted(sentence["from"])]


def test_words_that_are_nowhere_in_the_text_are_told(view):
    data = view.evaluate(READ)
    for summary in data["summaries"]:
        view.get_by_role("button", name=summary["name"], exact=True).click()
        told = view.locator(".ig-result[aria-live]").inner_text()
        new = [word for word, odd in summary["sentences"][0]["words"] if odd]
        assert ("Nowhere in the text" in told) == bool(new)
        assert view.locator("[role=group]:not([inert]) > button u").count() == sum(
            odd for s in summary["sentences"] for _, odd in s["words"]
        )


def test_a_choice_of_summary_begins_at_its_first_sentence(view):
    buttons = view.get_by_role("group", name="Summary").get_by_role("button")
    said = view.get_by_role("group", name="Sentences of the summary")
    said.get_by_role("button").last.click()
    buttons.first.click()
    assert said.get_by_role("button").first.get_attribute("aria-pressed") == "true"
