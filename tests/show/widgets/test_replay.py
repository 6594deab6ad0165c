"""A recorded answer and its forks are what the model would have said."""

import torch
from viewed import WORDS, stored

from insidegpt.infer.generate import generate
from insidegpt.model.config import GPTConfig
from insidegpt.model.gpt import GPT
from insidegpt.show import widgets
from insidegpt.show.widgets import replay

CONFIG = GPTConfig(
    vocab_size=40,
    context_tokens=64,
    n_layers=2,
    d_model=16,
    n_heads=2,
    n_kv_heads=1,
    d_ff=32,
)


def model():
    generator = torch.Generator().manual_seed(0)
    gpt = GPT(CONFIG)
    for parameter in gpt.parameters():
        parameter.data.normal_(0, 1.0, generator=generator)
    return gpt.eval()


def test_every_line_is_the_greedy_continuation_of_what_stands_before_it():
    gpt = model()
    words = {"new_tokens": (8, 5, 4), "likely": (0.1, 0.2), "ends": {3}}
    lines = replay.grow(gpt, [1, 2, 5], **words)
    assert len(lines) > 5 and lines[0].before == [1, 2, 5]
    for line in lines:
        said = [step[0][0] for step in line.steps]
        new = generate(gpt, line.before, max_new_tokens=len(said), temperature=0)
        assert list(new) == said
        assert 3 not in said[:-1]  # nothing after the end


def test_a_fork_begins_with_the_option_that_was_taken():
    lines = replay.grow(
        model(), [1, 2], new_tokens=(6, 4), likely=(0.1,), ends=frozenset()
    )
    assert lines[0].forks
    for (at, n), to in lines[0].forks.items():
        token, p = lines[0].steps[at][n]
        said = [step[0][0] for step in lines[0].steps[:at]]
        assert lines[to].before == [1, 2, *said, token] and p >= 0.1 and n > 0


def test_the_page_gets_the_lines_with_names_and_thousandths(tokenizer, monkeypatch):
    monkeypatch.setattr(replay, "encode_chat", lambda tokenizer, messages: [1, 5])
    settings = {"new_tokens": (6, 4), "likely": (0.1,)}
    view = widgets.replay_view(
        model(), tokenizer, "Why?", title="T", **settings, **WORDS
    )
    data = stored(view)
    lines = replay.grow(model(), [1, 5], ends=tokenizer.end_ids, **settings)
    assert len(lines) == len(data["lines"]) > 2
    for line, kept in zip(lines, data["lines"], strict=True):
        assert kept["forks"] == {f"{at}.{n}": to for (at, n), to in line.forks.items()}
        for step, flat in zip(line.steps, kept["steps"], strict=True):
            for (token, p), name, share in zip(
                step, flat[::2], flat[1::2], strict=True
            ):
                end = token in tokenizer.end_ids
                assert data["names"][name] == ("" if end else tokenizer.decode([token]))
                assert abs(share / 1000 - p) <= 0.0005 + 1e-9
