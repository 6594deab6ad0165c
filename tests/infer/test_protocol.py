"""Requests that mean nothing are refused with the field that is wrong."""

import json
import math

import pytest
from serving import ASK, FRANCE, is_openai_error


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"max_tokens": -1}, 400, "max_tokens"),
        ({"max_tokens": 401}, 400, "At most 400 new tokens"),
        ({"max_tokens": 9000}, 400, "context_length_exceeded"),
        ({"temperature": -1}, 400, "temperature"),
        ({"temperature": 3}, 400, "temperature"),
        ({"top_p": 0}, 400, "top_p"),
        ({"n": 2}, 400, "n: "),
        ({"stop": ""}, 400, "stop"),
        ({"stop": ["a", "b", "c", "d", "e"]}, 400, "stop"),
        ({"seed": 2**70}, 400, "seed"),
        ({"tools": []}, 400, "tools"),
        ({"temperature": "1"}, 400, "temperature"),
        ({"max_tokens": True}, 400, "max_tokens"),
        ({"stream": "yes"}, 400, "stream"),
        ({"stream_options": {"include_usage": True}}, 400, "needs stream"),
        ({"top_logprobs": 2}, 400, "needs logprobs"),
        ({"presence_penalty": 0.5}, 400, "presence_penalty"),
        ({"stream_options": {"include_obfuscation": True}}, 400, "obfuscation"),
        ({"model": "gpt-5"}, 404, "model_not_found"),
        ({"messages": []}, 400, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, 400, "role"),
        ({"messages": [*FRANCE, {"role": "system", "content": ""}]}, 400, "first"),
        ({"messages": [{"role": "user", "content": "x " * 700}]}, 400, "prompts may"),
        ({"messages": [{"role": "user", "content": 7}]}, 400, "content"),
        ({"temperature": math.nan}, 400, "temperature"),
        ({"messages": [{"role": "user", "content": "\ud800"}]}, 400, "surrogate"),
    ],
)
def test_bad_fields_are_named(post, fields, status, words):
    response = post(content=json.dumps(ASK | fields))
    assert words in json.dumps(is_openai_error(response, status))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b'{"model": "\xff"}']
)
def test_bodies_that_are_no_request_are_refused(post, body):
    is_openai_error(post(content=body), 400)


@pytest.mark.parametrize(
    "prompt, place, words",
    [
        ([1, 2, -1], "prompt.2", "greater than or equal to 0"),
        ([5, 2**31], "prompt.1", "less than"),
        (["One", "two"], "prompt", "one text at a time"),
        ([["One"]], "prompt.0", "valid integer"),
        ([], "prompt", "at least 1"),
        (7, "prompt", "valid"),
    ],
)
def test_prompts_that_are_none_are_refused(post, prompt, place, words):
    body = json.dumps({"model": "smollm2", "prompt": prompt})
    error = is_openai_error(post("/v1/completions", content=body), 400)
    assert error["param"] == place and words in error["message"]


def test_an_answer_can_be_sent_back_as_it_came(client):
    """As programs do with OpenAI's library; and nulls ask for nothing."""
    first = client.chat.completions.create(**ASK, max_tokens=5, temperature=0)
    said = first.choices[0].message
    for message in (said, said.model_dump()):
        reply = client.chat.completions.create(
            model="smollm2",
            messages=[*FRANCE, message, {"role": "user", "content": "And of Italy?"}],
            max_tokens=3,
            temperature=None,
            stop=None,
        )
        assert reply.usage.completion_tokens == 3


def test_broken_json_is_called_that(post):
    assert is_openai_error(post(content=b'{"model": '), 400)["param"] is None


def test_what_clients_may_send_besides_is_taken(client):
    """A developer's message is a system message; one text in a list is that text."""
    said = []
    for role in ("developer", "system"):
        rule = {"role": role, "content": "Answer in French."}
        settings = {"model": "smollm2", "max_tokens": 9, "temperature": 0}
        options = {"stream_options": {"include_obfuscation": False}, "stream": True}
        past = {"role": "assistant", "content": "Oui.", "annotations": []}
        messages = [rule, *FRANCE, past, *FRANCE]
        chunks = client.chat.completions.create(
            messages=messages, **settings, **options
        )
        said.append("".join(c.choices[0].delta.content or "" for c in chunks))
    assert said[0] == said[1] != ""
    texts = [
        client.completions.create(prompt=prompt, **settings).choices[0].text
        for prompt in ("Once upon", ["Once upon"])
    ]
    assert texts[0] == texts[1] != ""
