"""The view of a request shows what the page's server said, and plays a stream."""

import json

import pytest

PAGE = "book/tools/openai-api.html"


@pytest.fixture
def exchange(visit, address):
    page = visit(f"{address}/{PAGE}")
    page.emulate_media(reduced_motion="reduce")
    view = page.locator("figure[data-view=request]")
    view.text = lambda name: view.get_by_label(name, exact=True).inner_text()
    view.press = lambda name: view.get_by_role("button", name=name, exact=True).click()
    return view


def test_a_part_changes_the_request_and_marks_what_changed_on_both_sides(exchange):
    before = json.loads(exchange.text("The request"))
    exchange.press("at most 4 tokens")
    request, reply = (
        json.loads(exchange.text(f"The {s}")) for s in ("request", "reply")
    )
    assert request == before | {"max_completion_tokens": 4}
    assert reply["choices"][0]["finish_reason"] == "length"
    assert reply["usage"]["completion_tokens"] == 4
    marked = exchange.locator(".ig-new").all_inner_texts()
    assert any("max_completion_tokens" in line for line in marked)
    assert not any("smollm2" in line for line in marked)


def test_the_conversation_goes_out_in_the_order_in_which_it_was_held(exchange):
    exchange.press("second turn")
    exchange.press("system message")
    roles = [m["role"] for m in json.loads(exchange.text("The request"))["messages"]]
    assert roles == ["system", "user", "assistant", "user"]


def test_a_stream_adds_up_to_the_answer_and_ends(exchange):
    whole = json.loads(exchange.text("The reply"))["choices"][0]["message"]["content"]
    exchange.press("stream")
    assert exchange.text("The reply").strip().endswith("data: [DONE]")
    assert exchange.locator(".ig-request-result").inner_text().endswith(whole)


def test_a_refusal_comes_as_json_even_when_a_stream_was_asked_for(exchange):
    exchange.press("stream")
    exchange.press("a typing error")
    assert "HTTP 400" in exchange.inner_text()
    assert "max_tokns" in json.loads(exchange.text("The reply"))["error"]["message"]
