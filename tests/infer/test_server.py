"""The server as OpenAI's own client sees it, and as a fuzzer does."""

import math
from collections import Counter
from dataclasses import replace

import httpx
import pytest
import schemathesis
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from serving import ASK, FRANCE, is_openai_error

from insidegpt.infer.generate import generate
from insidegpt.infer.stream import answer, stream_text


def test_a_chat_completion_is_what_the_engine_writes(client, packed, tokenizer):
    reply = client.chat.completions.create(**ASK, temperature=0, max_tokens=40)
    right = "".join(answer(packed, tokenizer, FRANCE, max_new_tokens=40))
    assert reply.choices[0].message.content == right
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.completion_tokens == len(tokenizer.encode(right)) + 1
    assert (
        reply.usage.total_tokens
        == reply.usage.prompt_tokens + len(tokenizer.encode(right)) + 1
    )


def test_streamed_and_sampled_it_is_the_same_for_the_same_seed(
    client, packed, tokenizer
):
    settings = {"temperature": 1.2, "top_p": 0.9, "seed": 11, "max_tokens": 40}
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(client.chat.completions.create(**ASK, **settings, **options))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].usage.completion_tokens <= 40
    assert len({chunk.id for chunk in chunks}) == 1
    whole = client.chat.completions.create(**ASK, **settings)
    assert whole.choices[0].message.content == text
    settings["max_new_tokens"] = settings.pop("max_tokens")
    assert "".join(answer(packed, tokenizer, FRANCE, **settings)) == text


def test_a_completion_takes_text_or_ids(client, packed, tokenizer):
    ids = tokenizer.encode("The weather today is")
    right = generate(packed, ids, max_new_tokens=12, temperature=0)
    right = "".join(stream_text(tokenizer, right))
    settings = {"model": "smollm2", "temperature": 0, "max_tokens": 12}
    for prompt in ("The weather today is", ids):
        reply = client.completions.create(prompt=prompt, **settings)
        assert reply.choices[0].text == right
        assert reply.choices[0].finish_reason == "length"
        assert reply.usage.completion_tokens == 12


def test_it_stops_before_a_stop_string(client):
    settings = {"model": "smollm2", "temperature": 0, "max_tokens": 30}
    whole = client.completions.create(prompt="One, two, three,", **settings)
    stop = whole.choices[0].text[8:12]
    cut = client.completions.create(prompt="One, two, three,", stop=[stop], **settings)
    assert cut.choices[0].text == whole.choices[0].text.split(stop)[0]
    assert cut.choices[0].finish_reason == "stop"


def test_logprobs_are_those_of_the_model(client, packed, tokenizer):
    reply = client.chat.completions.create(
        **ASK, temperature=0, max_tokens=5, logprobs=True, top_logprobs=3
    )
    content = reply.choices[0].logprobs.content
    text = b"".join(bytes(token.bytes) for token in content)
    assert text.decode() == reply.choices[0].message.content
    for token in content:  # greedy: the chosen one is the likeliest
        assert token.logprob == token.top_logprobs[0].logprob
        assert len(token.top_logprobs) == 3
        assert sum(math.exp(best.logprob) for best in token.top_logprobs) <= 1 + 1e-6
    ids = tokenizer.encode("The weather today is")
    with torch.inference_mode():
        hidden = packed.hidden(torch.tensor([ids]))[:, -1]
        right = packed.logits(hidden).log_softmax(-1).max()
    reply = client.completions.create(
        model="smollm2", prompt=ids, temperature=0, max_tokens=1, logprobs=2
    )
    logprobs = reply.choices[0].logprobs
    assert logprobs.token_logprobs == pytest.approx([float(right)], abs=1e-6)
    assert len(logprobs.top_logprobs[0]) == 2 and logprobs.text_offset == [0]


def test_models_health_and_metrics(client, server):
    assert [model.id for model in client.models.list()] == ["smollm2"]
    assert client.models.retrieve("smollm2").id == "smollm2"
    assert httpx.get(server.url + "/health").json() == {"status": "ok"}
    metrics = httpx.get(server.url + "/metrics").text
    assert 'insidegpt_tokens_total{kind="written"}' in metrics
    assert "insidegpt_running 0.0" in metrics


def test_unknown_paths_and_methods_have_the_shape_too(post, server):
    is_openai_error(post("/v1/embeddings", content=b"{}"), 404)
    is_openai_error(httpx.get(server.url + "/nowhere"), 404)
    is_openai_error(post("/health", content=b"{}"), 405)


def test_no_request_that_the_description_allows_breaks_it(server):
    """schemathesis, over all routes, from the server's own OpenAPI description."""
    schema = schemathesis.openapi.from_url(server.url + "/openapi.json")
    operations = list(schema.get_all_operations())
    seen = Counter()

    @settings(
        suppress_health_check=list(HealthCheck),
        max_examples=40,
        phases=[Phase.generate],
    )
    @given(data=st.data())
    def fuzz(data):
        for operation in operations:
            case = data.draw(operation.ok().as_strategy())
            case.headers["Authorization"] = f"Bearer {server.key}"
            if isinstance(case.body, dict) and data.draw(st.booleans()):
                case.body["model"] = "smollm2"  # else it would always be 404
            seen[case.call(timeout=60).status_code] += 1
            assert max(seen) < 500, case.as_curl_command()

    server.app.state.limits = replace(server.limits, new_tokens=8)
    try:
        fuzz()
    finally:
        server.app.state.limits = server.limits
    assert {200, 400, 404} <= set(seen), seen
