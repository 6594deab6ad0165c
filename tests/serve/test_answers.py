"""How answers look, in the types of OpenAI's own package."""

import pytest
from openai.types import Completion, CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from insidegpt.serve.answers import (
    ChatFormat,
    CompletionFormat,
    Piece,
    TokenLogprob,
    to_json,
)

USAGE = CompletionUsage(prompt_tokens=3, completion_tokens=2, total_tokens=5)


def token(text, logprob, likeliest=()):
    return TokenLogprob(text, logprob, likeliest, start=0)


def test_a_piece_of_a_character_has_a_name_of_its_own():
    """Two of them would both be U+FFFD, and one entry of a dict."""
    assert token("今".encode(), -1.0).name == "今"
    assert token(b"\xe4\xbb", -1.0).name == r"bytes:\xe4\xbb"
    assert token(b"", -1.0).name == ""


def test_top_logprobs_of_a_completion_hold_every_token():
    """Two pieces of characters, and the chosen token beside the likeliest."""
    best = [token(b"\xe4", -0.5), token(b"\xe5", -1.5)]
    chosen = token(b"a", -3.0, best)
    choice = CompletionFormat.choice(Piece("a", [chosen]))
    assert choice.logprobs.top_logprobs == [
        {r"bytes:\xe4": -0.5, r"bytes:\xe5": -1.5, "a": -3.0}
    ]


def test_a_chat_answer_is_openais_type_and_says_no_more_than_we_know():
    piece = Piece("hi", finish_reason="stop")
    answer = to_json(ChatFormat("mock").whole(piece, USAGE))
    assert ChatCompletion.model_validate(answer).usage == USAGE
    assert answer["object"] == "chat.completion" and answer["model"] == "mock"
    assert answer["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "hi", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert set(answer) == {"id", "object", "created", "model", "choices", "usage"}


def test_the_chunks_of_a_chat_share_an_id_and_begin_with_the_role():
    form = ChatFormat("mock")
    pieces = [Piece("hi"), Piece("", finish_reason="length")]
    chunks = [*form.opening(), *map(form.chunk, pieces), form.closing(USAGE)]
    chunks = [to_json(chunk) for chunk in chunks]
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk)
    assert len({chunk["id"] for chunk in chunks}) == 1
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert deltas == [{"role": "assistant", "content": ""}, {"content": "hi"}, {}]
    ends = [c["choices"][0]["finish_reason"] for c in chunks[:-1]]
    assert ends == [None, None, "length"]
    assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["total_tokens"] == 5


def test_the_probabilities_of_a_chat_have_names_and_bytes():
    best = [token(b"\xe4", -0.5)]
    piece = Piece("", [token(b"\xe4", -0.5, best)])
    answer = to_json(ChatFormat("mock").chunk(piece))
    entry = {"token": r"bytes:\xe4", "bytes": [0xE4], "logprob": -0.5}
    logprobs = answer["choices"][0]["logprobs"]
    assert logprobs == {"content": [entry | {"top_logprobs": [entry]}], "refusal": None}


def test_completions_come_in_the_same_shape_whole_and_in_chunks():
    form = CompletionFormat("mock")
    assert form.opening() == []
    whole = to_json(form.whole(Piece("hi", finish_reason="stop"), USAGE))
    assert Completion.model_validate(whole).choices[0].text == "hi"
    chunk = to_json(form.chunk(Piece("hi")))
    assert chunk["id"] == whole["id"] and chunk["object"] == "text_completion"
    assert chunk["choices"] == [
        {"index": 0, "text": "hi", "logprobs": None, "finish_reason": None}
    ]
    assert to_json(form.closing(USAGE))["usage"]["completion_tokens"] == 2


@pytest.mark.parametrize("form", [ChatFormat, CompletionFormat])
def test_two_answers_have_two_ids(form):
    assert form("mock").head["id"] != form("mock").head["id"]
