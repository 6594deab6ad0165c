"""A ChatGPT, end to end, in code short enough to read.

Floors, lowest first; imports go downward only:

    files   where bytes come from          fast    the same model, packed, in C++
    text    tokens, chat, corpora          infer   from logits to text
    model   the transformer                serve   OpenAI's protocol over HTTP
    train   losses, optimizers, one loop   align   from a base model to an assistant
    measure what a model knows and costs

and for those who use them: cli, the console program, and show, views for the pages.

Axes of tensors, everywhere: B batch, T query time, S key time, C width of the residual
stream, H query heads, K key-value heads, D width of a head, V vocabulary, L layers.
"""

from insidegpt.infer.generate import generate
from insidegpt.model.checkpoint import load_model
from insidegpt.text.vocab import load_tokenizer

__all__ = ["generate", "load_model", "load_tokenizer"]
