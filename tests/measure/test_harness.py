"""lm_eval finds what we find, and what its own adapter finds for the same model."""

import logging

import pytest
import torch

from insidegpt import load_model, load_tokenizer
from insidegpt.measure.choices import WAYS, general_knowledge, score_options
from insidegpt.measure.harness import for_harness, general_task

pytest.importorskip("lm_eval")

from lm_eval.api.instance import Instance  # noqa: E402
from support import ROOT  # noqa: E402

TINY = ROOT / "book" / "code" / "gpt2"  # a GPT-2 of 1.7 million weights
PAIRS = [
    ("The quick brown", " fox"),
    ("def add(a, b):\n    return", " a + b"),
    ("A space at the end ", "moves on"),
    ("", "nothing before it"),
    ("one two " * 150, "and too much for 256 tokens"),
    ("x", " return the value of the function"),
]


@pytest.fixture(scope="module")
def ours():
    return for_harness(load_model(TINY), load_tokenizer(TINY))


@pytest.fixture(scope="module")
def theirs():
    """lm_eval's own adapter of transformers, on the same files."""
    from lm_eval.models.huggingface import HFLM

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    return HFLM(pretrained=str(TINY), device="cpu", dtype="float32", batch_size=2)


def asked(kind, *questions):
    return [Instance(kind, {}, args, n) for n, args in enumerate(questions)]


def test_loglikelihoods_are_those_of_the_harness_own_adapter(ours, theirs):
    requests = asked("loglikelihood", *PAIRS)
    mine, other = ours.loglikelihood(requests), theirs.loglikelihood(requests)
    for (found, greedy), (expected, theirs_greedy) in zip(mine, other, strict=True):
        assert found == pytest.approx(expected, abs=2e-4)
        assert greedy == theirs_greedy


def test_rolling_loglikelihoods_are_too_beyond_the_context(ours, theirs):
    # No repetition: windows that are equal share an entry of the other's cache.
    text = "\n".join(f"def f{n}(x): return {n * n} + x" for n in range(90))
    requests = asked("loglikelihood_rolling", ("Some words.",), (text,))
    mine, other = (m.loglikelihood_rolling(requests) for m in (ours, theirs))
    assert len(ours.tokenizer.encode(requests[1].args[0])) > 2 * 256
    assert mine == pytest.approx(other, rel=1e-5)


def test_generation_is_too(ours, theirs):
    settings = {"until": ["\n\n"], "max_gen_toks": 20, "do_sample": False}
    requests = asked(
        "generate_until", ("def add(a, b):", settings), ("Returns the", settings)
    )
    assert ours.generate_until(requests) == theirs.generate_until(requests)


def test_a_greedy_ending_is_known_as_one(ours):
    (said,) = ours.generate_until(
        asked("generate_until", ("Returns the", {"max_gen_toks": 3}))
    )
    (_, greedy), (_, other) = ours.loglikelihood(
        asked("loglikelihood", ("Returns the", said), ("Returns the", " xylophone"))
    )
    assert greedy and not other


def test_generation_ends_before_the_first_text_of_until(ours):
    context, few = "Returns the", {"max_gen_toks": 12}
    (whole,) = ours.generate_until(asked("generate_until", (context, few)))
    stop = whole[4:6]
    (cut,) = ours.generate_until(
        asked("generate_until", (context, few | {"until": stop}))
    )
    assert cut == whole.partition(stop)[0] and len(cut) < len(whole)


def test_the_stored_task_gives_the_accuracies_of_our_own_scoring(
    ours, tmp_path, monkeypatch
):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    from lm_eval import simple_evaluate

    found = simple_evaluate(ours, tasks=[general_task()], bootstrap_iters=0, limit=40)
    scores = found["results"]["general"]
    own = score_options(
        ours.model, ours.tokenizer, general_knowledge()[:40], WAYS["question, answer"]
    )
    for metric, per in (("acc", "option"), ("acc_bytes", "byte")):
        right = [s.pick(per) == s.item.answer for s in own]
        assert scores[f"{metric},none"] == pytest.approx(sum(right) / 40)
    assert torch.tensor([s.pick() == s.item.answer for s in own]).any()
