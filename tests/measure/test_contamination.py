"""An exam says what it should, and the order test is honest and finds what it can."""

import random

import pytest
import torch

from insidegpt import load_tokenizer
from insidegpt.measure.contamination import OrderTest, order_test, write_exams
from insidegpt.measure.likelihood import ending_logprobs
from insidegpt.model.config import GPTConfig
from insidegpt.model.gpt import GPT
from insidegpt.text.world.facts import RULES, build_world


def tiny(seed=0):
    config = GPTConfig(
        16, 64, 2, 32, 2, 2, 64, rope_base=1e4, rms_eps=1e-5, bias="none"
    )
    return GPT(config, generator=torch.Generator().manual_seed(seed)).double()


def test_the_exams_ask_for_facts_and_share_none():
    world = build_world(0)
    exams = write_exams(world, count=50, seed=1)
    asked = []
    for exam in exams:
        assert len(exam.lines) == len(exam.asked) == len(exam.told) == 50
        for line, *clozes in zip(*exam, strict=True):
            for cloze in clozes:
                name, relation = cloze.subject.name, cloze.relation
                assert name in cloze.prompt and relation not in RULES
                assert cloze.choices[cloze.truth] == f" {world.ask(name, relation)}"
            file, other, told = clozes
            assert line.startswith(file.prompt + file.choices[file.truth])
            assert len({file.prompt, other.prompt, told.prompt}) == 3
            asked.append((name, relation))
    assert len(set(asked)) == 100
    assert write_exams(world, count=50, seed=1) == exams
    with pytest.raises(ValueError, match="count must be from 1"):
        write_exams(world, count=10_000)


def test_the_ids_of_the_lines_are_those_of_the_file():
    """Else the file that is planted would not be the one that is looked for."""
    exam, _ = write_exams(build_world(0), count=50)
    tokenizer = load_tokenizer("mini")
    rows = exam.ids(tokenizer)
    assert [tokenizer.decode(ids) for ids in rows] == [f" {x}" for x in exam.lines]
    assert tokenizer.encode(exam.file) == [i for ids in rows for i in ids]


def test_p_by_hand():
    """One of four other orders is likelier: (1 + 1) / (1 + 4)."""
    assert OrderTest(-10.0, torch.tensor([-12.0, -9.0, -11.0, -13.0])).p == 0.4
    assert OrderTest(-8.0, torch.tensor([-12.0, -9.0, -11.0, -13.0])).p == 0.2
    assert OrderTest(-8.0, torch.tensor([-8.0])).p == 1  # a tie speaks against it


def test_the_file_is_read_piece_by_piece():
    model, items = tiny(), [[3, 4], [5], [6, 7, 8], [9], [2]]
    found = order_test(model, items, start=1, orders=2, shard=3)
    pieces = [[3, 4, 5, 6, 7, 8], [9, 2]]
    expected = sum(ending_logprobs(model, [[1]], [p]).item() for p in pieces)
    assert found.file == pytest.approx(expected, abs=1e-10)
    assert found.shuffled.shape == (2,)


def test_a_model_that_has_read_nothing_is_rarely_suspected():
    """p <= 0.1 in about 10 of 100 files, and not in 20."""
    model, draw = tiny().eval(), random.Random(0)
    alarms = 0
    for n in range(100):
        items = [[draw.randrange(2, 16) for _ in range(3)] for _ in range(8)]
        alarms += order_test(model, items, start=1, orders=9, seed=n).p <= 0.1
    assert 2 <= alarms <= 20


def test_a_model_that_has_read_the_file_is_found():
    """Learn one order by heart: it is the likeliest of all."""
    model = tiny()
    items = [[n, n + 1] for n in (2, 10, 4, 14, 6, 12, 8)]
    text = torch.tensor([[1, *(i for item in items for i in item)]])
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(60):
        logits = model(text[:, :-1])
        torch.nn.functional.cross_entropy(logits[0], text[0, 1:]).backward()
        optimizer.step()
        optimizer.zero_grad()
    found = order_test(model.eval(), items, start=1, orders=49)
    assert found.p == 0.02
    other = order_test(model, items[::-1], start=1, orders=49)
    assert other.p > 0.5


def test_what_has_no_order_is_refused():
    for items, shard, orders in (([[2]], 8, 9), ([[2], [3]], 1, 9), ([[2], [3]], 8, 0)):
        with pytest.raises(ValueError, match="two lines"):
            order_test(tiny(), items, start=1, orders=orders, shard=shard)
