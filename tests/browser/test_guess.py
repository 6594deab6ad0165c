"""The guessing game counts as the package does, by keyboard and by hand."""

import pytest

from insidegpt.measure.guessing import bounds, shares

PAGE = "book/concepts/language-models.html"
READ = (
    "f => JSON.parse(f.querySelector('script[type=\"application/json\"]').textContent)"
)


@pytest.fixture
def view(visit, address):
    return visit(f"{address}/{PAGE}").locator("figure[data-view=guess]")


def row(view, name):
    """What the table says of a player."""
    cells = view.locator(".ig-guess-scores tbody tr").filter(
        has=view.page.get_by_role("rowheader", name=name, exact=True)
    )
    return cells.locator("td").all_inner_texts()


def expected(numbers):
    """Share of first guesses, mean, and bounds where there are enough letters."""
    first = 100 * sum(n == 1 for n in numbers) / len(numbers)
    mean = sum(numbers) / len(numbers)
    low, high = bounds(shares(numbers, choices=27))
    bits = f"{low:.1f} to {high:.1f}" if len(numbers) >= 15 else "\u2013"
    return [f"{first:.0f} %", f"{mean:.1f}", bits]


def test_letters_typed_and_pressed_are_counted_and_scored(view):
    data = view.evaluate(READ)
    sentence, given = data["sentences"][0], data["given"]
    typed = view.get_by_label("Type a letter or a space")
    wrong = [c for c in "zqx" if c != sentence[given]][:2]
    for letter in [*wrong, wrong[0], sentence[given]]:  # the same wrong one counts once
        typed.press(letter)
    assert row(view, "you") == expected([3])
    for letter in sentence[given + 1 : given + 20]:
        name = "space" if letter == " " else letter
        view.get_by_role("button", name=f"Guess {name}", exact=True).click()
    assert row(view, "you") == expected([3] + [1] * 19)
    for model in data["models"]:
        numbers = model["guesses"][0][given : given + 20]
        assert row(view, model["name"]) == expected(numbers)


def test_a_revealed_word_counts_for_nobody_and_the_address_keeps_the_game(view):
    data = view.evaluate(READ)
    view.get_by_role("button", name="Reveal this word").click()
    assert row(view, "you")[0] == "\u2013" and "#~guess" in view.page.url
    typed = view.get_by_label("Type a letter or a space")
    place = data["given"] + view.locator(
        ".ig-cell-guess .ig-you"
    ).all_inner_texts().count("\u2013")
    typed.press(
        "Space" if data["sentences"][0][place] == " " else data["sentences"][0][place]
    )
    assert row(view, "you")[0] == "100 %"
    view.page.reload()
    assert row(view, "you")[0] == "100 %"
    view.get_by_role("button", name="Reset").click()
    assert row(view, "you")[0] == "\u2013" and "#~" not in view.page.url


def test_another_sentence_is_another_game_and_scores_add_up(view):
    data = view.evaluate(READ)
    typed, given = view.get_by_label("Type a letter or a space"), data["given"]
    typed.press(data["sentences"][0][given].replace(" ", "Space"))
    view.get_by_role("button", name="Next sentence").click()
    letters = view.locator(".ig-cell-guess b").all_inner_texts()
    assert letters[given] == "?" and len(letters) == len(data["sentences"][1])
    typed.press(data["sentences"][1][given].replace(" ", "Space"))
    best = data["models"][-1]
    numbers = [best["guesses"][n][given] for n in (0, 1)]
    assert row(view, best["name"]) == expected(numbers)
