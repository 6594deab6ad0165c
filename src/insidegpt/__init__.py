"""A ChatGPT, end to end, in code short enough to read.

Floors, lowest first; imports go downward only:

    files   where bytes come from          infer   from logits to text
    text    tokens, chat, corpora          show    views and sources for the pages
    model   the transformer

Axes of tensors, everywhere: B batch, T query time, S key time, C width of the residual
stream, H query heads, K key-value heads, D width of a head, V vocabulary, L layers.
"""

from insidegpt.infer.generate import generate
from insidegpt.model.weights import load_model
from insidegpt.text.vocab import load_tokenizer

__all__ = ["generate", "load_model", "load_tokenizer"]
