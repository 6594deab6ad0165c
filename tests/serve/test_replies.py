"""Answers and errors as they go out."""

import asyncio
import json

import pytest

from insidegpt.serve.replies import (
    FAILURES,
    disconnected,
    error,
    event,
    on_failure,
    on_refusal,
    refusal,
)
from insidegpt.serve.scheduler import ModelFailed, Overloaded


def test_an_event_is_one_line_of_data_and_an_empty_one():
    assert event({"a": "b\nc"}) == b'data: {"a": "b\\nc"}\n\n'


def test_an_error_has_openais_four_fields():
    assert error("No.", param="n") == {
        "error": {
            "message": "No.",
            "type": "invalid_request_error",
            "param": "n",
            "code": None,
        }
    }


@pytest.mark.parametrize(
    ("problem", "status", "kind"),
    [
        (Overloaded(), 429, "rate_limit_exceeded"),
        (ModelFailed(), 500, "server_error"),
        (KeyError("the prompt"), 500, "server_error"),
    ],
)
def test_a_failure_says_what_to_do_and_nothing_of_the_text(problem, status, kind):
    response = asyncio.run(on_failure(None, problem))
    told = json.loads(response.body)["error"]
    assert (response.status_code, told["type"]) == (status, kind)
    assert "prompt" not in told["message"]
    assert ("retry-after" in response.headers) == (status == 429)


def test_a_librarys_sentence_gets_the_same_shape():
    plain = refusal(405, "x")
    plain.detail = "Method Not Allowed"
    response = asyncio.run(on_refusal(None, plain))
    assert json.loads(response.body)["error"]["message"] == "Method Not Allowed."
    assert set(FAILURES) == {Overloaded, ModelFailed}


def test_waiting_for_a_client_to_leave_reads_until_it_does():
    class Request:
        messages = [{"type": "http.request"}, {"type": "http.disconnect"}, None]

        async def receive(self):
            return self.messages.pop(0)

    request = Request()
    asyncio.run(disconnected(request))
    assert request.messages == [None]
