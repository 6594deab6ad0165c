"""The logits view keeps the likeliest tokens of every depth, and exact ranks."""

import pytest
import torch
from viewed import WORDS, stored

from insidegpt.show import widgets
from insidegpt.show.widgets.logits import ranks_of_the_last_choice


def test_logits_become_the_likeliest_tokens(tokenizer):
    logits = torch.zeros(1, 2, tokenizer.vocab_size)
    logits[0, 1, tokenizer.encode(" sunny")[0]] = 20.0
    data = stored(widgets.logits_view(tokenizer, [504, 3947], logits, **WORDS))
    assert data["tokens"] == ["The", " weather"]
    assert data["depth"] == 0
    name, p = data["top"][0][1][0]
    assert name == " sunny" and p == pytest.approx(1, abs=1e-3)


def test_every_depth_and_position_has_its_own_row(tokenizer):
    logits = torch.zeros(3, 2, tokenizer.vocab_size)
    for depth in range(3):
        for t in range(2):
            logits[depth, t, 100 + 10 * depth + t] = 9.0
    data = stored(widgets.logits_view(tokenizer, [504, 3947], logits, depth=1, **WORDS))
    best = [[row[0][0] for row in rows] for rows in data["top"]]
    ids = [[100 + 10 * d + t for t in range(2)] for d in range(3)]
    assert best == [[tokenizer.decode([i]) for i in row] for row in ids]
    assert data["depth"] == 1 and len(data["ranks"]) == 2


def test_ranks_survive_where_a_softmax_underflows():
    """200 below the best, p is 0.0 in float32, and the rank is still exact."""
    logits = torch.zeros(2, 1, 5)
    logits[0, 0] = torch.tensor([0.0, -200.0, -190.0, -210.0, -220.0])
    logits[1, 0, 1] = 1.0  # what is said in the end
    assert logits[0, 0].softmax(-1)[1] == 0
    assert ranks_of_the_last_choice(logits).tolist() == [[3], [1]]
