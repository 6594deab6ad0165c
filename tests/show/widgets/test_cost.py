"""The calculator begins where it is told, and keeps the formulas' constants."""

import pytest
from viewed import WORDS, stored

from insidegpt.measure import price
from insidegpt.measure.price import Plan, Processor, Size
from insidegpt.show import widgets

MODELS = {
    "little": Size(1e6, 1e6, 1.0, 10.0, 10.0, 4.0, 6.0, trained_tokens=5e6),
    "large": Size(1e9, 1e8, 0.05, 10.0, 30.0, 4.0, 6.0, trained_tokens=5e9),
}
CHIPS = {"first": Processor(1e12, 1e10, 1e9, 100), "second": Processor(2, 2, 2, 2)}
START = {
    "model": "large",
    "processor": "first",
    "bits": 8,
    "context_tokens": 1024,
    "texts": 16,
    "reached": 0.4,
    "usd_hour": 2.0,
    "title": "T",
}


def test_the_view_begins_with_its_model_and_says_its_price_where_no_script_runs():
    view = widgets.cost_view(MODELS, CHIPS, **START, **WORDS)
    data = stored(view)
    assert data["start"] == {
        "model": 1,
        "processor": 0,
        "bits": 1,
        "context": 10,
        "texts": 4,
        "reached": 40,
        "rent": 20,
    }
    assert data["models"][1] == {"name": "large"} | MODELS["large"]._asdict()
    assert data["processors"][0] == {"name": "first"} | CHIPS["first"]._asdict()
    plan = Plan(5e9, 8, 1024, 16, 0.4, 2.0)
    bill = price.bill(MODELS["large"], plan, CHIPS["first"])
    assert f"${bill.read_usd:.2f} for a million tokens read" in view.markup


def test_the_constants_of_the_formulas_go_with_it():
    data = stored(widgets.cost_view(MODELS, CHIPS, **START, **WORDS))
    assert data["adam_bytes"] == price.ADAM_BYTES == 16
    assert data["room"] == price.ROOM and data["answer_tokens"] == price.ANSWER_TOKENS


@pytest.mark.parametrize("wrong", [{"context_tokens": 1000}, {"texts": 3}])
def test_a_number_that_no_slider_has_is_refused(wrong):
    with pytest.raises(ValueError, match="not a power of two"):
        widgets.cost_view(MODELS, CHIPS, **START | wrong, **WORDS)
