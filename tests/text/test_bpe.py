"""Byte-level BPE: by hand, against tiktoken and tokenizers, and what always holds."""

from itertools import pairwise

import pytest
import tiktoken
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nasty import texts
from tokenizers import Regex, decoders, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as Reference

from insidegpt.text import bpe
from insidegpt.text.corpus import docstrings
from insidegpt.text.pretokens import BYTE_OF, BYTE_ORDER

STRINGS_AN_EXAMPLE = 20
LETTER = {byte: letter for letter, byte in BYTE_OF.items()}


def tiktoken_gpt2(tokenizer: bpe.BPETokenizer) -> tiktoken.Encoding:
    """tiktoken's encoder with GPT-2's ranks and tiktoken's own pattern."""
    special = set(tokenizer.special.values())
    return tiktoken.Encoding(
        "gpt2",
        pat_str=r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++"
        r"|\s++$|\s+(?!\S)|\s",
        mergeable_ranks={
            word: i for i, word in enumerate(tokenizer.vocab) if i not in special
        },
        special_tokens={},
    )


def reference(tokenizer: bpe.BPETokenizer, *, digits: bool) -> Reference:
    """tokenizers' BPE on the same vocabulary, with SmolLM2's own cutting or GPT-2's."""
    special = {i: name for name, i in tokenizer.special.items()}
    names = [
        special.get(i) or "".join(LETTER[b] for b in word)
        for i, word in enumerate(tokenizer.vocab)
    ]
    pairs = [(names[left], names[right]) for left, right in tokenizer.merges]
    ids = {name: i for i, name in enumerate(names)}
    made = Reference(models.BPE(vocab=ids, merges=pairs))
    steps = [pre_tokenizers.ByteLevel(add_prefix_space=False)]
    if digits:
        steps.insert(0, pre_tokenizers.Digits(individual_digits=True))
    made.pre_tokenizer = pre_tokenizers.Sequence(steps)
    made.decoder = decoders.ByteLevel()
    return made


def test_some_thousand_strings_are_encoded_as_tiktoken_and_tokenizers_do(tokenizers):
    compare_with_both(tokenizers, strings=2_000)


@pytest.mark.exhaustive
def test_100_000_strings_are_encoded_as_tiktoken_and_tokenizers_do(tokenizers):
    compare_with_both(tokenizers, strings=100_000)


def compare_with_both(tokenizers, *, strings):
    gpt2, smollm2 = tokenizers["gpt2"], tokenizers["smollm2"]
    theirs_gpt2 = tiktoken_gpt2(gpt2)
    theirs_smollm2 = reference(smollm2, digits=True)
    lost = set(smollm2.missing_bytes)
    compared = 0

    @settings(
        max_examples=strings // STRINGS_AN_EXAMPLE,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(st.lists(texts, min_size=STRINGS_AN_EXAMPLE, max_size=STRINGS_AN_EXAMPLE))
    def compare(batch):
        nonlocal compared
        for text in batch:
            ids = gpt2.encode(text)
            assert ids == theirs_gpt2.encode_ordinary(text), repr(text)
            assert gpt2.decode(ids) == text
            ids = smollm2.encode(text)
            assert ids == theirs_smollm2.encode(text).ids, repr(text)
            if lost.isdisjoint(text.encode()):
                assert smollm2.decode(ids) == text
            compared += 1

    compare()
    assert compared >= strings


def test_the_missing_bytes_of_smollm2_are_the_only_thing_it_loses(tokenizers):
    smollm2 = tokenizers["smollm2"]
    assert tokenizers["gpt2"].missing_bytes == b""
    for byte in range(128):
        kept = smollm2.decode(smollm2.encode(f"a{chr(byte)}b"))
        assert kept == ("ab" if byte in smollm2.missing_bytes else f"a{chr(byte)}b")


def test_names_of_special_tokens_are_text(tokenizers):
    for tokenizer in tokenizers.values():
        for name, special in tokenizer.special.items():
            ids = tokenizer.encode(f"say {name} now")
            assert special not in ids
            assert tokenizer.decode(ids) == f"say {name} now"


# Training -----------------------------------------------------------------------------


def test_training_by_hand():
    """Words: low x5, lower x2, newest x6, widest x3, the example of Sennrich et al.

    Of es (9) and st (9), e comes before s in the alphabet of bytes: es goes first. Then
    es+t (9), l+o (7), lo+w (7), and n+e (6), ne+w (6), new+est (6).
    """
    text = "low " * 5 + "lower " * 2 + "newest " * 6 + "widest " * 3
    learned = bpe.train(text.split(), vocab_size=256 + 7)
    merges = [(learned.vocab[a] + b"+" + learned.vocab[b]) for a, b in learned.merges]
    assert b" ".join(merges) == b"e+s es+t l+o lo+w e+w n+ew new+est"


def reference_merges(lines, size, pattern):
    """What tokenizers' trainer learns from the same alphabet and the same cut."""
    made = Reference(models.BPE())
    cut = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.pre_tokenizer = pre_tokenizers.Sequence([cut, level])
    alphabet = [LETTER[byte] for byte in BYTE_ORDER]
    made.train_from_iterator(
        lines,
        trainers.BpeTrainer(
            vocab_size=size, initial_alphabet=alphabet, show_progress=False
        ),
    )
    vocab = sorted(made.get_vocab().items(), key=lambda item: item[1])
    return [bytes(BYTE_OF[letter] for letter in name) for name, _ in vocab]


@pytest.mark.parametrize("size", [300, pytest.param(3000, marks=pytest.mark.slow)])
def test_training_learns_the_merges_of_tokenizers_in_order(size):
    lines = "\n".join(docstrings(("numpy",))[:1500]).splitlines(keepends=True)
    learned = bpe.train(lines, vocab_size=size)
    theirs = reference_merges(lines, size, bpe.GPT2_PATTERN)
    assert list(learned.vocab) == theirs
    merged = [learned.vocab[a] + learned.vocab[b] for a, b in learned.merges]
    assert merged == theirs[256:]


@settings(max_examples=200)
@given(st.lists(st.text("abc ", max_size=12), max_size=8))
def test_ties_are_broken_as_tokenizers_does(lines):
    size = 256 + 12
    learned = bpe.train(lines, vocab_size=size)
    assert list(learned.vocab) == reference_merges(lines, size, bpe.GPT2_PATTERN)


@settings(max_examples=100)
@given(st.lists(texts, min_size=1, max_size=5), st.integers(0, 60))
def test_a_trained_tokenizer_gives_any_text_back(lines, merges):
    learned = bpe.train(lines, vocab_size=256 + merges)
    assert learned.vocab_size <= 256 + merges
    for line in (*lines, "never seen ½ 🍕\x00"):
        assert learned.decode(learned.encode(line)) == line


def test_training_stops_when_nothing_is_left_to_merge():
    learned = bpe.train(["ab"], vocab_size=1000)
    assert learned.vocab_size == 257 and learned.vocab[-1] == b"ab"
    assert bpe.train([], vocab_size=1000).vocab_size == 256


def test_special_tokens_come_first_and_are_never_made_from_text():
    learned = bpe.train(["<end><end>"], vocab_size=300, special_tokens=["<end>"])
    assert learned.special == {"<end>": 0}
    assert 0 not in learned.encode("<end>")


def test_no_merge_crosses_a_word():
    learned = bpe.train(["of the of the of the " * 9], vocab_size=400)
    assert not any(b" " in word[1:] for word in learned.vocab)


# Long pieces, states, files -----------------------------------------------------------


def test_a_very_long_piece_takes_no_quadratic_time(tokenizers):
    text = "ab" * 200_000  # one pre-token; looking at all pairs again would take hours
    assert tokenizers["gpt2"].decode(tokenizers["gpt2"].encode(text)) == text


def test_a_whole_word_needs_no_merges_where_the_file_says_so():
    """abc is in the vocabulary, but no merge leads there: Llama 3 has such words."""
    vocab = (b"a", b"b", b"c", b"ab", b"abc")
    merges = ((0, 1),)
    assert bpe.BPETokenizer(vocab, merges).encode("abc") == [3, 2]
    assert bpe.BPETokenizer(vocab, merges, whole_words=True).encode("abc") == [4]


def test_a_special_token_is_not_made_though_its_bytes_are_a_word():
    whole = bpe.BPETokenizer(
        (b"a", b"b", b"ab"), (), special={"ab": 2}, whole_words=True
    )
    assert whole.encode("ab") == [0, 1]
    byte = bpe.BPETokenizer((b"a", b"b", b"a"), (), special={"a": 2})
    assert byte.encode("ab") == [0, 1]


def test_merge_steps_begin_with_bytes_and_end_with_tokens(tokenizers):
    gpt2 = tokenizers["gpt2"]
    steps = gpt2.merge_steps(" weather")
    assert steps[0] == [bytes([b]) for b in b" weather"]
    assert steps[-1] == [b" weather"]
    assert all(len(a) == len(b) + 1 for a, b in pairwise(steps))


def test_the_cache_of_pieces_is_bounded(monkeypatch):
    monkeypatch.setattr(bpe, "CACHED_PIECES", 10)
    learned = bpe.train(["abc"], vocab_size=258)
    for n in range(100):
        learned.encode(f"word{n}")
        assert len(learned._cache) <= 12


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: bpe.train(["a"], vocab_size=200), "vocab_size must be at least 256"),
        (lambda: bpe.train("aa", vocab_size=256), "texts or special_tokens is one"),
        (lambda: bpe.train([], vocab_size=300, special_tokens="<e>"), "is one string"),
        (lambda: bpe.train([], vocab_size=300, special_tokens=["a", "a"]), "different"),
        (lambda: bpe.train([], vocab_size=300, special_tokens=[""]), "none of them em"),
        (lambda: bpe.train(["a\ud800"], vocab_size=256), "half a surrogate"),
        (lambda: bpe.train(["a"], vocab_size=256, pattern="(a)|b"), "captures a group"),
        (lambda: bpe.train(["a"], vocab_size=256, pattern="(a"), "can't be used"),
        (lambda: bpe.train([], vocab_size=256).encode("\ud800"), "half a surrogate"),
        (lambda: bpe.train([], vocab_size=256).decode([256]), "There is no token 256"),
        (lambda: bpe.train([], vocab_size=256).decode([-1]), "There is no token -1"),
        (lambda: bpe.BPETokenizer((b"a", b"b"), ((0, 1),)), "have no id"),
    ],
)
def test_bad_input_is_named_in_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
