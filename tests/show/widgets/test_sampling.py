"""The view of sampling holds what infer.sampling says, for every setting it offers."""

import base64
from itertools import pairwise

import numpy as np
import pytest
import torch
from viewed import WORDS, stored

from insidegpt.infer.sampling import Sampling, probabilities
from insidegpt.show import widgets
from insidegpt.show.widgets.sampling import (
    MIN_P,
    NAMED,
    TEMPERATURES,
    TOP_K,
    TOP_P,
    WAYS,
    grow,
    measure,
)

PROMPTS = ("The weather today is", "The capital of France is")


@pytest.fixture(scope="module")
def trees(smollm2, tokenizer):
    return {p: grow(smollm2, tokenizer.encode(p), nodes=4) for p in PROMPTS}


def unpack(packed):
    """What the script reads: the fields of a node, out of its 16-bit numbers."""
    numbers = np.frombuffer(base64.b64decode(packed), "<u2").astype(float)
    times, cuts = len(TEMPERATURES), len(TOP_P) + len(MIN_P)
    named = int(numbers[0])
    sizes = [1, named, named, times, times * cuts, times * len(MIN_P)]
    ends = np.cumsum([0, *sizes])
    assert len(numbers) == ends[-1]
    parts = [numbers[a:b] for a, b in pairwise(ends)]
    _, tokens, gaps, tail, counts, masses = parts
    return (
        tokens.astype(int),
        gaps / 1000,
        tail / 65535,
        counts.reshape(times, cuts).astype(int),
        masses.reshape(times, -1) / 65535,
    )


def every_node(trees, view):
    for tree, prompt in zip(trees.values(), stored(view)["prompts"], strict=True):
        yield from zip(tree.values(), map(unpack, prompt["nodes"]), strict=True)


def test_every_setting_leaves_as_many_tokens_as_the_package(trees, tokenizer):
    view = widgets.sampling_view(tokenizer, trees, title="t", **WORDS)
    for logits, (_, _, _, counts, _) in every_node(trees, view):
        for t, temperature in enumerate(TEMPERATURES):
            cuts = [{"top_p": p} for p in TOP_P] + [{"min_p": p} for p in MIN_P]
            for n, cut in enumerate(cuts):
                p = probabilities(logits[None].double(), Sampling(temperature, **cut))
                assert counts[t, n] == (p > 0).sum()


def test_pieces_and_cuts_are_as_long_as_their_shares(trees, tokenizer):
    view = widgets.sampling_view(tokenizer, trees, title="t", **WORDS)
    names = stored(view)["names"]
    for logits, (tokens, gaps, tail, _, masses) in every_node(trees, view):
        for t, temperature in enumerate(TEMPERATURES):
            p = probabilities(logits[None].double(), Sampling(temperature))[0]
            best = p.sort(descending=True)
            weights = np.exp(-gaps / temperature)
            shares = weights / weights.sum() * (1 - tail[t])
            assert np.allclose(shares, best.values[: len(gaps)], atol=1e-3)
            for n, fraction in enumerate(MIN_P):
                left = p[p >= fraction * p.max()].sum().item()
                assert masses[t, n] == pytest.approx(left, abs=1e-4)
        wanted = [tokenizer.decode([i]) for i in best.indices[:5].tolist()]
        assert [names[i] for i in tokens[:5]] == wanted


def test_a_tree_holds_its_likeliest_texts_and_leads_to_them(trees, tokenizer, smollm2):
    view = widgets.sampling_view(tokenizer, trees, title="t", **WORDS)
    for (text, tree), prompt in zip(
        trees.items(), stored(view)["prompts"], strict=True
    ):
        paths = list(tree)
        assert paths[0] == () and len(paths) == 4 == len(prompt["next"]) + 1
        for edge, to in prompt["next"].items():
            node, option = map(int, edge.split("."))
            token = measure(tree[paths[node]]).tokens[option]
            assert paths[to] == (*paths[node], token)
            ids = torch.tensor([[*tokenizer.encode(text), *paths[to]]])
            alone = smollm2(ids)[0, -1]
            assert torch.allclose(tree[paths[to]], alone, atol=1e-3)
        for way in WAYS:  # what each of them would most likely draw is there
            best = probabilities(tree[()][None], way).argmax().item()
            assert (best,) in paths


def test_the_controls_offer_only_what_the_numbers_cover(trees, tokenizer):
    data = stored(widgets.sampling_view(tokenizer, trees, title="t", **WORDS))
    assert data["temperatures"] == [0, *TEMPERATURES]
    assert data["cuts"] == [list(TOP_K), list(TOP_P), list(MIN_P)]
    assert max(TOP_K) <= NAMED
