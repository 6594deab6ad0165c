"""The calculator of costs computes in the page what the package computes."""

import itertools
import re

import pytest

from insidegpt.measure.price import Plan, Processor, Size, bill

PAGE = "book/outlook/cost.html"
READ = (
    "f => JSON.parse(f.querySelector('script[type=\"application/json\"]').textContent)"
)
# The page's own formulas for every state at once: what is drawn is made of these.
BILLS = """([data, states]) => states.map((state) => {
  const { plan, bill } = insideGPT.drawers.cost;
  const { model, processor } = state;
  return [plan(data, state),
    bill(data.models[model], plan(data, state), data.processors[processor], data)];
})"""
KEYS = ("trained", "bits", "context", "texts", "reached", "rent")
VALUES = [
    (-1, 0, 10, 0, 40, 20),
    (60, 1, 5, 0, 5, 2),
    (140, 2, 17, 12, 100, 100),
    (117, 1, 12, 7, 55, 31),
    (-1, 2, 6, 11, 90, 99),
]
UNITS = {"": 1, "million": 1e6, "billion": 1e9, "trillion": 1e12}
UP = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


@pytest.fixture
def view(visit, address):
    return visit(f"{address}/{PAGE}").locator("figure[data-view=cost]")


def without_name(entry):
    return {key: value for key, value in entry.items() if key != "name"}


def expected(data, state):
    """Python's plan and bill for a state of the controls."""
    model = Size(**without_name(data["models"][state["model"]]))
    on = Processor(**without_name(data["processors"][state["processor"]]))
    tokens = 10 ** (state["trained"] / 10)
    plan = Plan(
        trained_tokens=model.trained_tokens if state["trained"] < 0 else tokens,
        bits=data["bits"][state["bits"]],
        context_tokens=2 ** state["context"],
        texts=2 ** state["texts"],
        reached=state["reached"] / 100,
        usd_hour=state["rent"] / 10,
    )
    return plan, bill(model, plan, on)


def told(view, name):
    """The value of a row of the tables, as a number."""
    row = view.get_by_role("row").filter(
        has=view.page.get_by_role("rowheader", name=name, exact=True)
    )
    return [text.strip() for text in row.locator("td").all_inner_texts()]


def amount(text):
    """$4.6 million, 2.3 million, 3.1 × 10²³ as floats."""
    power = re.fullmatch(r"\$?([\d.]+) × 10([⁻⁰-⁹¹²³]+)", text)
    if power:
        return float(power[1]) * 10 ** int(power[2].translate(UP))
    number, unit = re.fullmatch(r"\$?([\d.,]+) ?([a-z]*)", text).groups()
    return float(number.replace(",", "")) * UNITS[unit]


def test_the_page_and_the_package_agree_to_the_last_digits_on_a_grid(view):
    data = view.evaluate(READ)
    states = [
        {"model": m, "processor": p} | dict(zip(KEYS, values, strict=True))
        for m, p, values in itertools.product(
            range(len(data["models"])), range(len(data["processors"])), VALUES
        )
    ]
    assert len(states) >= 100
    found = view.page.evaluate(BILLS, [data, states])
    for state, (plan, one) in zip(states, found, strict=True):
        wanted_plan, wanted = expected(data, state)
        assert plan == pytest.approx(wanted_plan._asdict(), rel=1e-12), state
        assert one.pop("waiting_for") in ("weights", "caches", "arithmetic")
        assert one == pytest.approx(wanted._asdict(), rel=1e-12), state


def test_the_tables_show_what_the_formulas_say(view):
    data = view.evaluate(READ)
    for number, model in enumerate(data["models"]):
        view.get_by_label("Model", exact=True).select_option(model["name"])
        state = data["start"] | {"model": number, "trained": -1}
        _, one = expected(data, state)
        assert amount(told(view, "operations")[0]) == pytest.approx(
            one.training_flops, rel=0.051
        )
        rents = [amount(text) for text in told(view, "rent")]
        assert rents == pytest.approx([one.training_usd, one.answer_usd], rel=0.051)
        for name, value in (
            ("a million read", one.read_usd),
            ("a million written", one.written_usd),
        ):
            shown = amount(told(view, name)[0])
            assert shown == pytest.approx(value, rel=0.051, abs=0.0051)


def test_a_chosen_model_brings_its_own_training_text(view):
    data = view.evaluate(READ)
    text = view.get_by_label("Training text")
    text.fill("100")
    assert "10 billion" in view.locator("output").first.inner_text()
    view.get_by_label("Model", exact=True).select_option("Llama 3.1 405B")
    assert "16 trillion" in view.locator("output").first.inner_text()
    kept = next(m for m in data["models"] if m["name"] == "Llama 3.1 405B")
    assert kept["trained_tokens"] == 15.6e12


def test_more_answers_at_once_make_a_written_token_cheaper_until_arithmetic_decides(
    view,
):
    view.get_by_label("Model", exact=True).select_option("Llama 3.1 8B")
    at_once = view.get_by_label("Answers at once")
    prices, notes = [], []
    for power in range(0, 13, 2):
        at_once.fill(str(power))
        prices.append(amount(told(view, "a million written")[0]))
        notes.append(view.locator(".ig-cost-note").inner_text())
    assert prices == sorted(prices, reverse=True)
    assert "wait for the weights" in notes[0] and "caches" in notes[-1]
    view.get_by_label("Prompt", exact=True).fill("5")
    assert "arithmetic is the limit" in view.locator(".ig-cost-note").inner_text()


def test_the_address_keeps_what_was_set(view):
    view.get_by_role("button", name="H200", exact=True).click()
    view.get_by_label("Rent of a processor").fill("35")
    assert "#~cost" in view.page.url
    view.page.reload()
    assert "$3.50 an hour" in view.locator("output").last.inner_text()
    pressed = view.locator("button[aria-pressed=true]").all_inner_texts()
    assert "H200" in pressed
    view.get_by_role("button", name="Reset").click()
    assert "#~" not in view.page.url
