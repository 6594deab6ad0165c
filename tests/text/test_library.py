"""Other kinds of tokenizer behind the same interface; sentencepiece from a GGUF."""

import gguf
import pytest
from tokenizers import Tokenizer as Reference

import insidegpt
from insidegpt.text.bpe import BPETokenizer
from insidegpt.text.interface import Tokenizer
from insidegpt.text.library import LibraryTokenizer, from_scores

KINDS = ("llama2", "mistral", "unigram", "wordpiece")
TEXTS = (
    "the weather today",
    "The  weather, 12",
    "\u4eca\u5929 \u00e9t\u00e9",
    " x",
    "",
)
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_the_library_s(written, made, kind):
    ours, theirs = insidegpt.load_tokenizer(written(kind)), made(kind)
    assert isinstance(ours, LibraryTokenizer) and isinstance(ours, Tokenizer)
    assert ours.vocab_size == theirs.get_vocab_size()
    for text in TEXTS:
        ids = ours.encode(text)
        assert ids == theirs.encode(text, add_special_tokens=False).ids
        assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=False)


@pytest.mark.parametrize("kind", KINDS)
def test_names_of_special_tokens_are_text(written, kind):
    """A unigram model has "</s>" as a word, so the library alone would take it."""
    ours = insidegpt.load_tokenizer(written(kind))
    forged = set(ours.special.values())
    assert forged
    for name in ours.special:
        for text in (
            name,
            f"the {name} weather",
            f"{name}{name}",
            f"x{name}",
            name * 1500,
        ):
            assert forged.isdisjoint(ours.encode(text))
            assert forged.isdisjoint(ours.encode_after(text))
    if kind != "wordpiece":  # whose normalizer and unknown letters lose text
        kept = ours.decode(ours.encode("the [INST] weather"))
        assert kept.replace("<unk>", "").replace("[", "").count("weather") == 1


@pytest.mark.parametrize("kind", ["llama2", "mistral"])
def test_bytes_of_tokens_make_the_text(written, kind):
    ours = insidegpt.load_tokenizer(written(kind))
    for text in TEXTS:
        whole = b"".join(map(ours.token_bytes, ours.encode(text)))
        begun = not text or kind == "mistral" and text.startswith(" ")
        assert whole.decode() == ("" if begun else " ") + text
    assert ours.token_bytes(ours._library.token_to_id("<0x0A>")) == b"\n"
    assert ours.token_bytes(ours.special["</s>"]) == b"</s>"


def test_a_word_piece_brings_its_space(written, made):
    ours = insidegpt.load_tokenizer(written("wordpiece"))
    whole = b"".join(map(ours.token_bytes, ours.encode("weather today")))
    assert whole == b" weather today"


def test_a_text_that_goes_on_gets_no_space_of_a_beginning(written):
    ours = insidegpt.load_tokenizer(written("mistral"))
    assert ours.encode("the") != ours.encode_after("the")
    assert ours.encode("x the")[-1:] == ours.encode_after(" the")[-1:]


@pytest.mark.parametrize(
    ("kind", "begins"), [("llama2", "<s>"), ("unigram", None), ("wordpiece", "[CLS]")]
)
def test_what_a_text_begins_with_is_what_the_post_processor_puts_there(
    written, kind, begins
):
    ours = insidegpt.load_tokenizer(written(kind))
    assert ours.begin_ids == ((ours.special[begins],) if begins else ())


def test_ids_that_do_not_exist_are_named(written):
    ours = insidegpt.load_tokenizer(written("llama2"))
    for call in (ours.token_bytes, lambda token: ours.decode([token])):
        for token in (-1, ours.vocab_size, 2**70):
            with pytest.raises(ValueError, match=f"There is no token {token}"):
                call(token)
    with pytest.raises(ValueError, match="half a surrogate"):
        ours.encode("\ud800")


# Sentencepiece in a GGUF --------------------------------------------------------------

WORDS = {
    "th": 0,
    "he": -1,
    "the": -2,
    "\u2581the": -3,
    "\u2581t": -4,
    "ab": -5,
    "bc": -6,
}
TOKENS = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
TOKENS += [*WORDS, *"\u2581thecab", "<tool>"]
SCORES = [0.0] * 259 + [float(s) for s in WORDS.values()] + [-99.0] * 8
TYPES = [UNKNOWN, CONTROL, CONTROL] + [BYTE] * 256 + [NORMAL] * 14 + [USER_DEFINED]


def by_score(text):
    """Sentencepiece's BPE by hand: merge the pair with the highest score, the first
    of equals, until none is left; then bytes for what has no token."""
    ids = {token: i for i, token in enumerate(TOKENS)}
    parts = list("\u2581" + text.replace(" ", "\u2581")) if text else []
    while True:
        pairs = [a + b for a, b in zip(parts, parts[1:], strict=False)]
        known = [(-SCORES[ids[p]], at) for at, p in enumerate(pairs) if p in WORDS]
        if not known:
            break
        at = min(known)[1]
        parts[at : at + 2] = [pairs[at]]
    return [
        i
        for part in parts
        for i in ([ids[part]] if part in ids else [b + 3 for b in part.encode()])
    ]


def test_scores_order_the_merges():
    ours = LibraryTokenizer(from_scores(TOKENS, SCORES, TYPES, space_first=True))
    for text in (
        "the",
        "abc",
        "bcab",
        "the the",
        "t he",
        "hx",
        "",
        "\n\u4eca",
        "  the",
    ):
        assert ours.encode(text) == by_score(text), text
        assert ours.decode(ours.encode(text)) == text
    assert ours.encode("<s>") == by_score("<s>")
    assert ours.special == {"<s>": 1, "</s>": 2}
    tool = TOKENS.index("<tool>")
    assert ours.encode("a<tool>")[-1] == tool and tool not in ours.special.values()


def gguf_file(path, kind, tokens, types, **more):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model(kind)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    if "scores" in more:
        writer.add_token_scores(more["scores"])
    if "pre" in more:
        writer.add_tokenizer_pre(more["pre"])
        writer.add_token_merges(more["merges"])
    if "bos" in more:
        writer.add_bos_token_id(more["bos"])
    if "eos" in more:
        writer.add_eos_token_id(more["eos"])
    if "eot" in more:
        writer.add_eot_token_id(more["eot"])
    if "adds" in more:
        writer.add_add_bos_token(more["adds"])
    writer.add_chat_template(more.get("template", "{{ bos_token }}"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_gguf_with_scores(tmp_path):
    path = gguf_file(
        tmp_path / "a.gguf", "llama", TOKENS, TYPES, scores=SCORES, bos=1, eos=2
    )
    ours = insidegpt.load_tokenizer(path)
    assert ours.encode("the abc") == by_score("the abc")
    assert (ours.begin_ids, ours.end_ids, ours.bos_token) == ((1,), (2,), "<s>")
    assert ours.chat_template == "{{ bos_token }}"


@pytest.mark.parametrize(
    ("pre", "style", "begins"),
    [("gpt-2", "gpt2", False), ("smollm", "smollm", False)]
    + [("llama-bpe", "llama3", True), ("qwen2", "qwen", False)],
)
def test_a_gguf_of_each_known_cut(tmp_path, made, pre, style, begins):
    import json

    theirs = made(style)
    data = json.loads(theirs.to_str())
    names = sorted(theirs.get_vocab().items(), key=lambda item: item[1])
    added = theirs.get_added_tokens_decoder()
    types = [
        NORMAL if i not in added else CONTROL if added[i].special else USER_DEFINED
        for _, i in names
    ]
    merges = [" ".join(pair) for pair in data["model"]["merges"]]
    end = theirs.token_to_id("<|im_end|>")
    begin = theirs.token_to_id("<|begin|>")
    path = gguf_file(
        *(tmp_path / "a.gguf", "gpt2", [name for name, _ in names], types),
        **{"pre": pre, "merges": merges, "bos": begin, "eos": end, "eot": end},
    )
    ours = insidegpt.load_tokenizer(path)
    theirs.encode_special_tokens = True
    assert isinstance(ours, BPETokenizer)
    for text in ("The weather, 2024's e\u0301\n\n x <think>", "a" * 9, "<|im_end|>  1"):
        assert ours.encode(text) == theirs.encode(text, add_special_tokens=False).ids
    assert (ours.begin_ids, ours.end_ids) == ((begin,) if begins else (), (end,))


def test_the_library_reads_what_scores_give():
    text = from_scores(TOKENS, SCORES, TYPES, space_first=False)
    assert Reference.from_str(text).encode("the").tokens == ["the"]


def test_a_text_that_the_library_refuses_is_told_in_a_sentence(tmp_path):
    from tokenizers import models, pre_tokenizers

    theirs = Reference(models.WordLevel({"a": 0}, unk_token="<unk>"))
    theirs.pre_tokenizer = pre_tokenizers.Whitespace()
    theirs.save(str(tmp_path / "tokenizer.json"))
    ours = insidegpt.load_tokenizer(tmp_path)
    assert ours.encode("a a") == [0, 0]
    with pytest.raises(ValueError, match="can't encode this text"):
        ours.encode("b")


@pytest.mark.parametrize(("pre", "ids"), [("llama-bpe", [3]), ("qwen2", [0, 1, 2])])
def test_llama_3_takes_whole_words_from_a_gguf(tmp_path, pre, ids):
    """abc is in the vocabulary, but no merge leads there."""
    tokens, merges = ["a", "b", "c", "abc", "cc"], ["c c"]
    path = gguf_file(
        tmp_path / "a.gguf", "gpt2", tokens, [NORMAL] * 5, pre=pre, merges=merges
    )
    assert insidegpt.load_tokenizer(path).encode("abc") == ids
