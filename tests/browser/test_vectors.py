"""The views of rows that are neighbours and of arrows that turn, as pages argue."""


def test_a_typed_word_shows_its_neighbours_and_leads_on(visit, address):
    page = visit(f"{address}/book/algorithm/embeddings.html")
    view = page.locator("figure[data-view=neighbours]")
    rows = view.locator(".ig-near")
    view.get_by_label("A word").fill("monday")
    assert {"Tuesday", "Friday"} <= {
        row.split("\n")[0] for row in rows.all_inner_texts()
    }
    before = rows.all_inner_texts()
    view.get_by_label("A word").fill("qqq")  # no word: the picture stays
    assert rows.all_inner_texts() == before
    view.get_by_role("button", name="Tuesday").click()
    assert view.get_by_label("A word").input_value() == "Tuesday"
    assert "word=Tuesday" in page.url


def test_the_angle_stays_when_both_move_and_a_slow_pair_tells_nothing(visit, address):
    page = visit(f"{address}/book/algorithm/positions.html")
    view = page.locator("figure[data-view=positions]")
    said = view.locator(".ig-told")
    before = said.inner_text()
    view.get_by_role("button", name="Move both on by 7").click()
    assert said.inner_text() == before and "t=16" in page.url
    view.get_by_role("button", name="Pair 31", exact=True).click()
    assert "438,460 tokens" in said.inner_text()
    assert "a score of 1.00" in said.inner_text()
