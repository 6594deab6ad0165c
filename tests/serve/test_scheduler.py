"""Many texts at once, some of whose clients leave, and a model that breaks."""

import asyncio
import logging

import pytest
import torch
from serving import TEXT_END, TOKENIZER, Bigram

from insidegpt.infer.generate import generate
from insidegpt.infer.sampling import GREEDY, Sampling
from insidegpt.serve.scheduler import Limits, ModelFailed, Overloaded, Scheduler

X = list(b"x")


def scheduled(test, *, model=None, **limits):
    """Run ``test(scheduler)`` while the scheduler runs."""

    async def main():
        scheduler = Scheduler(model or Bigram(), TOKENIZER, Limits(**limits))
        async with scheduler.running():
            async with asyncio.timeout(60):
                return await test(scheduler)

    return asyncio.run(main())


async def text_of(scheduler, ids, **settings):
    settings = {"max_new_tokens": 20, "sampling": GREEDY} | settings
    with scheduler.answering(ids, **settings) as answer:
        pieces = [piece async for piece in answer.pieces()]
    return "".join(piece.text for piece in pieces), pieces[-1].finish_reason


async def idle(scheduler):
    """Returns when no text has a place any more."""
    while scheduler.batcher.busy or scheduler.answers:
        await asyncio.sleep(0)


def test_many_at_once_get_what_each_would_get_alone():
    """Nine texts, two slots, seven places to wait."""
    seeds = range(9)

    async def ask(scheduler):
        settings = [Sampling(1.5, seed=seed) for seed in seeds]
        texts = (text_of(scheduler, X, sampling=one) for one in settings)
        return await asyncio.gather(*texts)

    model = Bigram()
    for seed, (text, _) in zip(
        seeds, scheduled(ask, model=model, slots=2, waiting=7), strict=True
    ):
        ids = generate(model, X, max_new_tokens=20, temperature=1.5, seed=seed)
        known = [token for token in ids if token < TOKENIZER.vocab_size]
        assert text == TOKENIZER.decode(known)


def test_too_many_are_refused_until_one_leaves_the_queue():
    async def ask(scheduler):
        def queue():
            return scheduler.answering(X, max_new_tokens=400, sampling=GREEDY)

        with queue():
            with queue():
                with pytest.raises(Overloaded), queue():
                    pass
                with pytest.raises(Overloaded):
                    await scheduler.encoded(list)
            with queue() as left:  # there is room again, though the slot is not free
                pass
            assert left.job not in scheduler.batcher.waiting
        await idle(scheduler)

    scheduled(ask, slots=1, waiting=1)


def test_who_leaves_frees_the_slot():
    async def ask(scheduler):
        settings = {"max_new_tokens": 400, "sampling": GREEDY}
        with scheduler.answering(X, **settings) as answer:
            async for _ in answer.pieces():
                break
        await idle(scheduler)
        assert len(answer.job.ids) < answer.job.end

    scheduled(ask)


def test_a_stop_string_ends_the_text_and_frees_the_slot_though_nobody_reads():
    async def ask(scheduler):
        settings = {"max_new_tokens": 400, "sampling": GREEDY, "stop": "yxy"}
        with scheduler.answering([*b"q", *X], **settings) as answer:
            while not scheduler.batcher.busy or answer.queue.empty():
                await asyncio.sleep(0)
            while scheduler.batcher.busy:
                await asyncio.sleep(0)
            assert len(answer.job.ids) < answer.job.end
            pieces = [piece async for piece in answer.pieces()]
        assert "".join(piece.text for piece in pieces) == ""
        assert pieces[-1].finish_reason == "stop"

    scheduled(ask)


def test_a_fault_ends_the_texts_and_not_the_scheduler(caplog):
    """And what it says, which may hold a prompt, is not written down."""
    model = Bigram()

    async def ask(scheduler):
        model.fault = MemoryError("no memory for xyzzy")
        with pytest.raises(ModelFailed):
            await text_of(scheduler, X)
        await idle(scheduler)
        model.fault = None
        return await text_of(scheduler, X, max_new_tokens=3)

    with caplog.at_level(logging.DEBUG):
        assert scheduled(ask, model=model) == ("yxy", "length")
    assert "MemoryError" in caplog.text and "xyzzy" not in caplog.text


def test_a_text_that_got_no_slot_by_its_deadline_is_told_to_come_back():
    """Not an answer of no words."""

    async def ask(scheduler):
        with pytest.raises(Overloaded):
            await text_of(scheduler, X)

    scheduled(ask, answer_s=0)


def test_a_text_that_takes_too_long_ends_there():
    async def ask(scheduler):
        settings = {"max_new_tokens": 400, "sampling": GREEDY}
        with scheduler.answering(X, **settings) as answer:
            pieces = answer.pieces()
            assert (await anext(pieces)).text == "y"
            while answer.queue.empty():  # the client is late, not the model
                await asyncio.sleep(0)
            answer.deadline = 0  # it is over
            last = await anext(pieces)
            assert (last.text, last.finish_reason) == ("", "length")
            assert [piece async for piece in pieces] == []

    scheduled(ask)


def test_the_bill_counts_the_token_that_ends_a_text():
    async def ask(scheduler):
        settings = {"max_new_tokens": 9, "sampling": GREEDY, "stop_ids": [TEXT_END]}
        with scheduler.answering(list(b"e"), **settings) as answer:
            pieces = [piece async for piece in answer.pieces()]
        assert [(piece.text, piece.finish_reason) for piece in pieces] == [("", "stop")]
        usage = answer.usage
        assert (usage.prompt_tokens, usage.completion_tokens) == (1, 1)

    scheduled(ask)


def test_probabilities_are_those_of_the_model_and_say_where_a_token_begins():
    """A face has four tokens and is one character; the next token begins after it."""
    model = Bigram()

    async def ask(scheduler):
        settings = {"max_new_tokens": 6, "sampling": GREEDY, "alternatives": 2}
        with scheduler.answering(list(b"q"), **settings) as answer:
            return [piece.tokens[0] async for piece in answer.pieces()]

    tokens = scheduled(ask, model=model)
    assert b"".join(t.token for t in tokens) == "😀".encode() + b"\xf0\x9f"
    assert [t.start for t in tokens] == [0, 0, 0, 0, 1, 1]
    right = model.table[ord("q")].log_softmax(-1)
    first = tokens[0]
    assert first.logprob == float(right.max()) == first.likeliest[0].logprob
    assert len(first.likeliest) == 2 and first.likeliest[0].token == first.token
    assert first.likeliest[1].logprob == float(right.min())


def test_a_token_of_the_padding_has_no_text():
    class Odd(Bigram):
        def __init__(self):
            super().__init__()
            self.table[ord("x")] = torch.arange(264.0)  # the last row is likeliest

    async def ask(scheduler):
        settings = {"max_new_tokens": 1, "sampling": GREEDY, "alternatives": 1}
        with scheduler.answering(X, **settings) as answer:
            return [piece async for piece in answer.pieces()]

    (piece,) = scheduled(ask, model=Odd())
    assert piece.text == "" and piece.tokens[0].token == b""


def test_a_prompt_that_cannot_run_is_refused_and_leaves_no_trace():
    async def ask(scheduler):
        for ids, stop, words in (
            ([], (), "empty"),
            ([300], (), "does the tokenizer belong"),
            (X * 500, (), "context holds 512"),
            (X, [""], "stop string is empty"),
        ):
            settings = {"max_new_tokens": 20, "sampling": GREEDY, "stop": stop}
            with pytest.raises(ValueError, match=words):
                with scheduler.answering(ids, **settings):
                    pass
        assert not scheduler.answers and not scheduler.batcher.busy

    scheduled(ask)


def test_a_tokenizer_of_another_model_is_refused():
    class Large(Bigram):
        config = Bigram.config.__class__(5000, 512, 1, 264, 1, 1, 1)

    with pytest.raises(ValueError, match="do not belong together"):
        Scheduler(Large(), TOKENIZER, Limits())
