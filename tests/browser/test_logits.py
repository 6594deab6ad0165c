"""The grid of the logit lens: the numbers that its page argues with."""

PAGE = "/book/algorithm/the-whole-model.html"


def test_the_lens_tells_the_ranks_that_the_page_prints(visit, address):
    view = visit(address + PAGE).locator("figure[data-view=logits]")
    note, height = view.locator(".ig-lens-note"), view.bounding_box()["height"]
    assert view.locator(".ig-cell").count() == 31 * 5
    assert "after block 23" in note.inner_text() and "number 396" in note.inner_text()
    depth = view.locator("input[type=range]")
    depth.focus()
    depth.press("ArrowRight")
    assert "after block 24" in note.inner_text() and "number 92" in note.inner_text()
    depth.press("End")
    assert "number 1." in note.inner_text()
    assert abs(view.bounding_box()["height"] - height) < 1


def test_a_click_on_a_cell_chooses_its_depth_and_its_token(visit, address):
    view = visit(address + PAGE).locator("figure[data-view=logits]")
    view.locator(".ig-cell").nth(21 * 5 + 1).click()  # after block 20, at capital
    note = view.locator(".ig-lens-note").inner_text()
    assert "capital\u201d" in note and "after block 20" in note and "␣of" in note
    pressed = view.locator("button[aria-pressed=true]").inner_text()
    assert pressed == "␣capital"
