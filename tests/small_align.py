"""A tiny model of Llama's kind, ours and transformers', with a tokenizer of bytes."""

import dataclasses

import torch
from small_training import SHAPE

from insidegpt.model.gpt import GPT
from insidegpt.text import bpe

TOKENIZER = bpe.train(["abc"], vocab_size=257, special_tokens=["<end>"])
END = TOKENIZER.special["<end>"]
TOKENIZER = dataclasses.replace(TOKENIZER, bos_token="<end>", end_ids=(END,))
CONFIG = dataclasses.replace(SHAPE, vocab_size=257, context_tokens=64)


def tiny(seed=0, *, spread=1.0):
    """spread: larger weights than at the start of a training, so that logits differ."""
    model = GPT(CONFIG, generator=torch.Generator().manual_seed(seed)).double()
    with torch.no_grad():
        for block in model.blocks:
            for p in block.parameters():
                if p.ndim == 2:
                    p *= 10 * spread
    return model
