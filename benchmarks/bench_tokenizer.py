"""Byte-level BPE: encoding beside tiktoken, training beside tokenizers.

Run by `make bench-tokenizer`. Each pair must give the same ids or the same merges.
"""

import tiktoken
from paired import compare
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

import insidegpt
from insidegpt.text import bpe
from insidegpt.text.corpus import docstrings

ENCODE_BYTES = 1_000_000
TRAIN_BYTES = 5_000_000
VOCAB_SIZE = 8192
ROUNDS = 3


def text_of(size_bytes: int) -> str:
    """The first ``size_bytes`` of docstrings of numpy, torch and sympy."""
    data = "\n\n".join(docstrings()).encode()
    if len(data) < size_bytes:
        raise SystemExit(f"The installed docstrings have only {len(data)} bytes.")
    return data[:size_bytes].decode(errors="ignore")


def encoding() -> None:
    text, gpt2 = text_of(ENCODE_BYTES), insidegpt.load_tokenizer("gpt2")
    special = set(gpt2.special.values())
    ranks = {word: i for i, word in enumerate(gpt2.vocab) if i not in special}
    theirs = tiktoken.Encoding(
        "gpt2", pat_str=gpt2.pattern, mergeable_ranks=ranks, special_tokens={}
    )
    if gpt2.encode(text) != theirs.encode_ordinary(text):
        raise SystemExit("The ids differ: nothing to compare.")

    def cold():  # as for a text never seen: no piece is remembered
        gpt2._cache.clear()
        gpt2.encode(text)

    own, other, ratio = compare(
        cold, lambda: theirs.encode_ordinary(text), rounds=ROUNDS
    )
    print(f"encode 1 MB:  insidegpt {own:6.2f} s   tiktoken   {other:6.2f} s", end="")
    print(f"   ours / theirs {1 / ratio:5.2f}")


def training() -> None:
    text = text_of(TRAIN_BYTES)
    lines = text.splitlines(keepends=True)

    def train_theirs():
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(
            vocab_size=VOCAB_SIZE,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(lines, trainer)
        return tokenizer

    def train_ours():
        return bpe.train(lines, vocab_size=VOCAB_SIZE)

    same = len(train_ours().merges) == VOCAB_SIZE - 256
    if not same or train_theirs().get_vocab_size() != VOCAB_SIZE:
        raise SystemExit("One of the two learned fewer tokens: nothing to compare.")
    own, other, ratio = compare(train_ours, train_theirs, rounds=ROUNDS)
    print(f"train, 5 MB:  insidegpt {own:6.2f} s   tokenizers {other:6.2f} s", end="")
    print(f"   ours / theirs {1 / ratio:5.2f}")


if __name__ == "__main__":
    encoding()
    training()
