"""The view of a growing model shows each recorded moment as it was recorded."""

import pytest

PAGE = "book/code/your-own-chatgpt.html"
READ = (
    "f => JSON.parse(f.querySelector('script[type=\"application/json\"]').textContent)"
)


@pytest.fixture
def view(visit, address):
    return visit(f"{address}/{PAGE}").locator("figure[data-view=growth]")


def test_each_moment_has_its_answers_and_shares(view):
    data = view.evaluate(READ)
    for place, moment in enumerate(data["moments"]):
        view.get_by_label("Moment", exact=True).fill(str(place))
        said = view.locator(".ig-growth-said").all_inner_texts()
        for text, (wanted, _) in zip(said, moment["says"], strict=True):
            assert " ".join(wanted.split()) in " ".join(text.split())
        note = view.locator(".ig-growth-note").inner_text()
        assert all(name in note for name in data["curves"])


def test_its_buttons_stop_at_both_ends_and_a_click_leads_to_a_moment(view):
    assert view.get_by_role("button", name="Next").is_disabled()
    view.get_by_label("Moment", exact=True).fill("0")
    assert view.get_by_role("button", name="Back").is_disabled()
    view.get_by_role("button", name="Next").click()
    assert view.locator("output").inner_text().startswith("pretraining, step")
    plot = view.locator(".ig-growth")
    box = plot.bounding_box()
    plot.click(position={"x": box["width"] - 20, "y": box["height"] / 2})
    assert view.locator("output").inner_text().startswith("PPO, step")
    assert view.locator("line.ig-growth-now").count() == 1


def test_a_right_answer_is_told_from_others_by_more_than_colour(view):
    badges = view.locator(".ig-growth-badge").all_inner_texts()
    assert len(badges) == len(view.evaluate(READ)["asked"])
    assert set(badges) <= {"right", "wrong", "doesn’t know", "no answer"}
