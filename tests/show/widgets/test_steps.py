"""The view of an answer's making keeps what the model computed."""

import pytest
import torch
from viewed import WORDS, stored

from insidegpt.show import widgets
from insidegpt.text.chat import encode_chat


@pytest.mark.slow
def test_each_round_chooses_the_likeliest_token_of_the_text_so_far(smollm2, tokenizer):
    asked = [{"role": "user", "content": "What is the capital of France?"}]
    view = widgets.steps_view(smollm2, tokenizer, asked, title="How", **WORDS)
    data, ids = stored(view), encode_chat(tokenizer, asked)
    assert data["ids"] == ids
    said = [row["top"][0][2] for row in data["rounds"]]
    for n, row in enumerate(data["rounds"]):
        p = smollm2(torch.tensor([ids + said[:n]]))[0, -1].softmax(-1)
        assert int(p.argmax()) == said[n]
        assert row["top"][0][1] == pytest.approx(p.max().item(), abs=2e-4)
    assert said[-1] in tokenizer.end_ids and not set(said[:-1]) & set(tokenizer.end_ids)
