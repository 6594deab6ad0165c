"""Guessing changes the speed of a text and nothing else about it."""

from collections import Counter
from dataclasses import replace
from itertools import product

import pytest
import torch
from scipy.stats import chisquare

from insidegpt.fast.cpp_engine import CppEngine
from insidegpt.fast.torch_engine import TorchEngine
from insidegpt.infer import speculative
from insidegpt.infer.generate import generate
from insidegpt.infer.sampling import Sampling, probabilities
from insidegpt.infer.speculative import (
    DraftModel,
    PromptLookup,
    accept,
    speculate,
)
from insidegpt.model.cache import Cache
from insidegpt.model.config import PRESETS, GPTConfig
from insidegpt.model.gpt import GPT
from insidegpt.text.chat import encode_chat
from insidegpt.text.corpus import WEATHER_REPORT


def flat(rounds):
    return [token for tokens in rounds for token in tokens]


def greedy(tokens):
    return {"max_new_tokens": tokens, "sampling": Sampling(temperature=0.0)}


class Bigrams:
    """The smallest language model: row a of ``p`` is what may follow token a."""

    device, max_rows = torch.device("cpu"), 8

    def __init__(self, p: torch.Tensor) -> None:
        self.p = p
        self.config = GPTConfig(len(p), 64, 1, 1, 1, 1, 1)

    def check(self, ids, past=0):
        pass

    def new_cache(self, *, batch, max_tokens):
        return Cache(max_tokens=max_tokens)

    def step(self, ids, caches, counts=None):
        return self.logits(self.hidden(ids[None], cache=caches[0]))[0]

    def hidden(self, ids, *, cache=None, valid=None):
        if cache is not None:
            cache.advance(ids.shape[1])
        return torch.nn.functional.one_hot(ids, len(self.p)).float()

    def logits(self, x):
        return x @ self.p.log()


def random_bigrams(seed: int) -> Bigrams:
    g = torch.Generator().manual_seed(seed)
    return Bigrams((1.5 * torch.randn(4, 4, generator=g)).softmax(-1))


PROMPT = [0, 1, 2, 0, 1]  # so that prompt lookup has something to guess


@pytest.mark.parametrize(
    "draft",
    [PromptLookup(tokens=2), DraftModel(random_bigrams(9), tokens=2)],
    ids=["lookup", "model"],
)
def test_sampled_texts_are_distributed_as_the_model_alone_writes_them(draft):
    """2,000 texts of three tokens against p(a) p(b|a) p(c|b), all 64 of them."""
    model, draws = random_bigrams(1), 2_000
    torch.manual_seed(0)
    seen = Counter()
    for _ in range(draws):
        text = speculate(model, PROMPT, draft=draft, max_new_tokens=3)
        seen[tuple(flat(text))] += 1
    texts = list(product(range(4), repeat=3))
    first, follow = model.p[PROMPT[-1]], model.p
    expected = [float(first[a] * follow[a, b] * follow[b, c]) for a, b, c in texts]
    result = chisquare(
        [seen[text] for text in texts],
        [draws * p / sum(expected) for p in expected],
    )
    assert result.pvalue > 0.01


@pytest.mark.parametrize("seed", range(4))
def test_accepting_gives_exactly_the_models_distribution(seed, monkeypatch):
    """Enumerated, not sampled: every guess, every chance on a fine grid, and what is
    left to draw from after a refusal."""
    g = torch.Generator().manual_seed(seed)
    p, q = (2 * torch.randn(2, 5, generator=g)).softmax(-1)
    grid, drawn = (torch.arange(500) + 0.5) / 500, []
    monkeypatch.setattr(
        speculative,
        "sample",
        lambda rest, _: drawn.append(rest[0]) or torch.tensor([0]),
    )
    outcome = torch.zeros(5)
    for guess in range(5):
        for chance in grid:
            monkeypatch.setattr(torch, "rand", lambda n, generator, c=chance: c[None])
            got = accept(torch.stack((p, p)), [guess], q[None])
            if len(got) == 2:
                outcome[guess] += q[guess] / len(grid)
            else:
                outcome += q[guess] * drawn[-1] / drawn[-1].sum() / len(grid)
    assert (outcome - p).abs().max() < 2 / len(grid)


def test_a_guess_that_the_model_never_makes_is_refused_and_replaced():
    """p = (0, 0.25, 0.75) and the certain guess 0: never 0, then 1 or 2 as p says."""
    p = torch.tensor([[0.0, 0.25, 0.75], [1.0, 0.0, 0.0]])
    g = torch.Generator().manual_seed(0)
    got = Counter(tuple(accept(p, [0], None, g)) for _ in range(2000))
    assert set(got) == {(1,), (2,)}
    assert abs(got[(2,)] / 2000 - 0.75) < 0.04


def test_a_guess_that_is_certain_for_both_is_accepted_and_one_more_drawn():
    p = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert accept(p, [1], None) == [1, 0]
    assert accept(p, [1], torch.tensor([[0.0, 1.0]])) == [1, 0]


def test_where_nothing_is_left_of_p_without_q_a_token_is_drawn_all_the_same():
    """As rounding may leave it, here on a large scale: half of p is lost."""
    p, q = torch.tensor([[0.5, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0]])
    g = torch.Generator().manual_seed(0)
    got = Counter(tuple(accept(p, [0], q, g)) for _ in range(200))
    assert set(got) == {(0,), (0, 1)}  # refused and drawn again, or accepted


@pytest.mark.parametrize("form", [None, TorchEngine, CppEngine])
def test_greedy_ids_are_identical(smollm2, tokenizer, form):
    model = form(smollm2, bits=4) if form else smollm2
    for request in (
        "Summarize this in one sentence: " + WEATHER_REPORT,
        "Repeat this word by word: " + WEATHER_REPORT,
        "Write a poem about autumn.",
    ):
        ids = encode_chat(tokenizer, [{"role": "user", "content": request}])
        settings = {"max_new_tokens": 60, "temperature": 0}
        alone = list(generate(model, ids, **settings))
        rounds = list(speculate(model, ids, draft=PromptLookup(), **greedy(60)))
        assert flat(rounds) == alone
        assert len(rounds) < 60


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    models = [GPT(PRESETS["tiny-llama"]).eval().double() for _ in range(2)]
    for p in (p for model in models for p in model.parameters()):
        p.data = 0.3 * torch.randn_like(p)
    return [model.requires_grad_(False) for model in models]


def test_a_draft_model_keeps_its_cache_in_step(tiny):
    """The model as its own draft: every guess is right, so 5 tokens a round of 4 + 1
    after the first; another model as draft: the same ids, more rounds."""
    model, other = tiny
    settings = {"max_new_tokens": 21, "temperature": 0}
    alone = list(generate(model, [3, 1, 4], **settings))
    own = list(speculate(model, [3, 1, 4], draft=DraftModel(model), **greedy(21)))
    assert [len(tokens) for tokens in own] == [1, 5, 5, 5, 5]
    others = list(speculate(model, [3, 1, 4], draft=DraftModel(other), **greedy(21)))
    assert flat(own) == flat(others) == alone
    assert len(others) > len(own)


def test_a_draft_serves_one_text_after_another(tiny):
    model, draft = tiny[0], DraftModel(tiny[0])
    settings = {"max_new_tokens": 8, "temperature": 0}
    for ids in ([3, 1, 4], [1, 5, 9, 2], [3]):
        alone = list(generate(model, ids, **settings))
        assert flat(speculate(model, ids, draft=draft, **greedy(8))) == alone


def test_lookup_prefers_the_longest_then_the_latest_match():
    look = PromptLookup(tokens=2)

    def guess(text):
        return look.draft(text, 2, probabilities, None)[0]

    assert guess([1, 2, 7, 8, 9, 2, 5, 5, 1, 2]) == [7, 8]
    assert guess([1, 2, 7, 1, 2, 8, 8, 1, 2]) == [8, 8]
    assert guess([1, 2, 3, 9, 9, 2, 3, 5, 1, 2, 3]) == [9, 9]
    assert guess([1, 2, 3, 4]) == []
    assert guess([1]) == []


def test_it_stops_before_a_stop_id_and_is_reproducible(tiny):
    model, draft = tiny[0], PromptLookup()
    settings = {"draft": draft, "max_new_tokens": 12, "sampling": Sampling(seed=5)}
    ids = flat(speculate(model, [3, 1, 4], **settings))
    assert ids == flat(speculate(model, [3, 1, 4], **settings))
    cut = speculate(model, [3, 1, 4], stop_ids=[ids[4]], **settings)
    assert flat(cut) == ids[: ids.index(ids[4])]


def test_bad_settings_are_refused_before_anything_runs(tiny):
    for settings, sentence in (
        ({"max_new_tokens": 0}, "at least 1"),
        ({"max_new_tokens": 40}, "context holds"),
        (
            {"max_new_tokens": 4, "sampling": Sampling(repetition_penalty=2.0)},
            "can't be combined",
        ),
    ):
        with pytest.raises(ValueError, match=sentence):
            speculate(tiny[0], [3], draft=PromptLookup(), **settings)


def test_a_draft_of_another_vocabulary_is_refused(tiny):
    other = GPT(replace(tiny[0].config, vocab_size=80))
    with pytest.raises(ValueError, match="knows 80 tokens and the model 96"):
        speculate(tiny[0], [3], draft=DraftModel(other), **greedy(4))


def test_a_draft_that_knows_shorter_texts_stops_guessing(tiny):
    """Its context is 12 tokens, the text has 24 in the end."""
    model = tiny[0]
    short = GPT(replace(model.config, context_tokens=12)).double().requires_grad_(False)
    short.load_state_dict(model.state_dict())
    settings = {"max_new_tokens": 21, "temperature": 0}
    rounds = list(speculate(model, [3, 1, 4], draft=DraftModel(short), **greedy(21)))
    assert flat(rounds) == list(generate(model, [3, 1, 4], **settings))
    assert [len(tokens) for tokens in rounds] == [1, 5, 5] + [1] * 10
