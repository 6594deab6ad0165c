"""What may be asked, what is refused by name, and what changes nothing."""

import math

import pytest
from pydantic import ValidationError
from serving import CHAT, TURN

from insidegpt.infer.sampling import Sampling
from insidegpt.serve.protocol import ChatRequest, CompletionRequest, explain

TEXT = {"model": "mock", "prompt": "hi"}


def refused(kind, fields):
    """The sentence and the field, as FastAPI would hand the errors over."""
    with pytest.raises(ValidationError) as caught:
        kind.model_validate(fields)
    errors = caught.value.errors()
    message, field = explain([e | {"loc": ("body", *e["loc"])} for e in errors])
    assert message.endswith(".")
    return message, field


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"max_tokens": -1}, "max_tokens: "),
        ({"max_tokens": 0}, "max_tokens: "),
        ({"max_tokens": True}, "max_tokens: "),
        ({"temperature": -1}, "temperature: "),
        ({"temperature": 3}, "temperature: "),
        ({"temperature": "1"}, "temperature: "),
        ({"temperature": math.nan}, "temperature: "),
        ({"top_p": 0}, "top_p: "),
        ({"n": 2}, "n: "),
        ({"n": True}, "n: "),
        ({"stop": ""}, "stop: "),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop: "),
        ({"stop": [""]}, "stop.0: "),
        ({"seed": 2**70}, "seed: "),
        ({"stream": "true"}, "stream: "),
        (
            {"stream_options": {"include_usage": True}},
            "stream_options: It needs stream",
        ),
        ({"stream": True, "stream_options": {"x": 1}}, "stream_options.x: "),
        ({"top_logprobs": 2}, "top_logprobs: It needs logprobs"),
        ({"presence_penalty": 0.5}, "presence_penalty: "),
        ({"frequency_penalty": -1}, "frequency_penalty: "),
        ({"logit_bias": {"50": 100}}, "logit_bias: "),
        ({"tools": [{"type": "function"}]}, "tools: "),
        ({"tool_choice": "required"}, "tool_choice: "),
        ({"response_format": {"type": "json_object"}}, "response_format.type: "),
        ({"modalities": ["text", "audio"]}, "modalities.1: "),
        ({"service_tier": "flex"}, "service_tier: "),
        ({"store": True}, "store: "),
        ({"reasoning_effort": "high"}, "reasoning_effort: "),
        ({"messages": []}, "messages: "),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role: "),
        ({"messages": [{"role": "user", "content": 7}]}, "messages.0.content: "),
        ({"messages": [*TURN, {"role": "user"}]}, "messages.1.content: "),
        ({"messages": [TURN[0] | {"tool_calls": [1]}]}, "messages.0.tool_calls: "),
        ({"messages": [{}] * 100_000}, "messages.0."),
    ],
)
def test_what_would_change_the_answer_is_refused_by_name(fields, words):
    message, field = refused(ChatRequest, CHAT | fields)
    assert words in message and field.startswith(words.split(":")[0])


@pytest.mark.parametrize(
    "fields",
    [
        {"response_format": {"type": "text"}},
        {"tool_choice": "none"},
        {"tools": []},
        {"logit_bias": {}},
        {"store": False},
        {"metadata": {}},
        {"metadata": {"run": "7"}},
        {"modalities": ["text"]},
        {"service_tier": "auto"},
        {"service_tier": "default"},
        {"parallel_tool_calls": True},
        {"user": "me"},
        {"safety_identifier": "me"},
        {"prompt_cache_key": "me"},
        {"reasoning_effort": None},
        {"n": 1},
        {"frequency_penalty": 0.0},
        {"presence_penalty": 0},
        {"stop": []},
        {"stop": None},
        {"stream": True, "stream_options": {"include_obfuscation": False}},
    ],
)
def test_what_changes_nothing_is_taken(fields):
    asked = ChatRequest.model_validate(CHAT | fields)
    plain = ChatRequest.model_validate(CHAT)
    assert (asked.sampling, asked.stop or []) == (plain.sampling, [])
    assert (asked.max_new_tokens, asked.alternatives) == (None, None)


@pytest.mark.parametrize("fields", [{"best_of": 1}, {"suffix": ""}, {"echo": False}])
def test_completions_have_such_fields_too(fields):
    assert CompletionRequest.model_validate(TEXT | fields).max_new_tokens == 16
    (name,) = fields
    assert refused(CompletionRequest, TEXT | {name: "all"})[1] == name


@pytest.mark.parametrize(
    ("prompt", "field", "words"),
    [
        ([1, 2, -1], "prompt.2", "greater than or equal to 0"),
        ([5, 2**31], "prompt.1", "less than"),
        (["One", "two"], "prompt", "one text at a time"),
        ([["One"]], "prompt.0", "valid integer"),
        ([], "prompt", "at least 1"),
        (7, "prompt", "valid"),
    ],
)
def test_prompts_that_are_none_are_refused(prompt, field, words):
    message, found = refused(CompletionRequest, TEXT | {"prompt": prompt})
    assert found == field and words in message


def test_one_text_in_a_list_is_that_text():
    assert CompletionRequest.model_validate(TEXT | {"prompt": ["hi"]}).prompt == "hi"


def test_a_message_becomes_a_turn():
    """A developer writes the system message; parts are one text."""
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    first = {"role": "developer", "content": parts}
    past = {"role": "assistant", "content": "x", "tool_calls": [], "annotations": []}
    past |= {"refusal": None, "audio": None, "function_call": None}
    asked = ChatRequest.model_validate(CHAT | {"messages": [first, past]})
    assert [message.as_turn() for message in asked.messages] == [
        {"role": "system", "content": "ab"},
        {"role": "assistant", "content": "x"},
    ]


def test_sampling_is_what_was_asked_for():
    """All the mass (``top_p`` of 1) is no cut at all."""
    fields = {"temperature": 0.5, "top_p": 0.9, "seed": 3}
    asked = ChatRequest.model_validate(CHAT | fields)
    assert asked.sampling == Sampling(0.5, top_p=0.9, seed=3)
    assert ChatRequest.model_validate(CHAT | {"top_p": 1}).sampling.top_p is None


def test_probabilities_are_counted_alike_by_both():
    chat = ChatRequest.model_validate(CHAT | {"logprobs": True})
    assert chat.alternatives == 0
    chat = ChatRequest.model_validate(CHAT | {"logprobs": True, "top_logprobs": 3})
    text = CompletionRequest.model_validate(TEXT | {"logprobs": 3})
    assert chat.alternatives == text.alternatives == 3


def test_the_newer_name_of_max_tokens_goes_first():
    fields = {"max_tokens": 5, "max_completion_tokens": 7}
    assert ChatRequest.model_validate(CHAT | fields).max_new_tokens == 7


def test_a_field_that_is_no_unicode_or_very_long_can_be_named():
    """The sentence must go into an answer in UTF-8, and not hold half of the body."""
    message, field = refused(ChatRequest, CHAT | {"metadata": {"\ud800": 1}})
    assert field.startswith("metadata.") and message.encode()
    message, field = refused(ChatRequest, CHAT | {"x" * 10_000: 1})
    assert len(message) < 200
