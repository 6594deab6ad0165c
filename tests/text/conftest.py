"""Small tokenizers of every kind, made by the tokenizers library: the oracle."""

import json

import pytest
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    processors,
    trainers,
)
from tokenizers import pre_tokenizers as cuts

LLAMA3 = (  # as published; not imported, so that a slip in our copy is seen
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?"
    r"[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?"
    r"[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEXT = (
    "The weather today is 12 degrees, 2024. Don't you'll  wait?\n\n  if x:\n\treturn 1"
    "\r\n\u00e9t\u00e9 na\u00efve \u4eca\u5929 weather we'RE <tool>"
)
LEVEL = cuts.ByteLevel(add_prefix_space=False, use_regex=False)
WHOLE = cuts.ByteLevel(add_prefix_space=False)


def split(pattern):
    return cuts.Sequence([cuts.Split(Regex(pattern), behavior="isolated"), LEVEL])


CUTS = {
    "gpt2": WHOLE,
    "smollm": cuts.Sequence([cuts.Digits(individual_digits=True), WHOLE]),
    "llama3": split(LLAMA3),
    "qwen": split(QWEN2),
    "letters only": split(r"[a-z]+"),  # and what lies between two matches is a piece
}


def byte_level(style):
    made = Tokenizer(models.BPE(ignore_merges=style == "llama3"))
    made.pre_tokenizer, made.decoder = CUTS[style], decoders.ByteLevel()
    if style == "qwen":
        made.normalizer = normalizers.NFC()
    trainer = trainers.BpeTrainer(
        vocab_size=380,
        initial_alphabet=cuts.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([TEXT] * 9, trainer)
    made.add_special_tokens(["<|begin|>", "<|im_start|>", "<|im_end|>"])
    plain = ["<think>", "</think>", "    ", "<thi", "\u4eca\u5929"]
    made.add_tokens([AddedToken(t, normalized=False, special=False) for t in plain])
    if style == "llama3":
        number = made.token_to_id("<|begin|>")
        made.post_processor = processors.TemplateProcessing(
            single="<|begin|> $A", special_tokens=[("<|begin|>", number)]
        )
    return made


def other_kind(kind):
    """Kinds that the package leaves to the library."""
    special = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]
    if kind in ("llama2", "mistral"):
        made = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True))
        first = kind == "mistral"
        if first:
            made.pre_tokenizer = cuts.Metaspace(prepend_scheme="first", split=False)
        else:
            steps = [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
            made.normalizer = normalizers.Sequence(steps)
        steps = [decoders.Replace("\u2581", " "), decoders.ByteFallback()]
        steps += [decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        made.decoder = decoders.Sequence(steps)
        bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
        trainer = trainers.BpeTrainer(
            vocab_size=380, special_tokens=special[:3] + bytes_, show_progress=False
        )
        made.train_from_iterator([TEXT.replace(" ", " \u2581")] * 9, trainer)
        data = json.loads(made.to_str())  # the bytes are tokens like others
        data["added_tokens"] = data["added_tokens"][:3]
        data["model"]["unk_token"] = "<unk>"
        made = Tokenizer.from_str(json.dumps(data))
        made.add_special_tokens(special)
        made.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", made.token_to_id("<s>"))]
        )
    if kind == "unigram":
        made = Tokenizer(models.Unigram())
        made.pre_tokenizer, made.decoder = cuts.Metaspace(), decoders.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=90,
            special_tokens=special,
            unk_token="<unk>",
            show_progress=False,
        )
        made.train_from_iterator([TEXT] * 9, trainer)
    if kind == "wordpiece":
        made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        made.normalizer = normalizers.BertNormalizer()
        made.pre_tokenizer = cuts.BertPreTokenizer()
        made.decoder = decoders.WordPiece(cleanup=False)
        names = ["[UNK]", "[CLS]", "[SEP]"]
        trainer = trainers.WordPieceTrainer(
            vocab_size=120, special_tokens=names, show_progress=False
        )
        made.train_from_iterator([TEXT] * 9, trainer)
        ids = [(name, made.token_to_id(name)) for name in ("[SEP]", "[CLS]")]
        made.post_processor = processors.BertProcessing(*ids)
    return made


STYLES = {style: byte_level for style in CUTS}
STYLES |= dict.fromkeys(("llama2", "mistral", "unigram", "wordpiece"), other_kind)


@pytest.fixture(scope="session")
def made():
    """`made(style)`: the library's tokenizer; a new object each time."""
    texts = {}

    def make(style):
        if style not in texts:
            texts[style] = STYLES[style](style).to_str()
        return Tokenizer.from_str(texts[style])

    return make


@pytest.fixture
def written(made, tmp_path):
    """`written(style, **config)`: a directory with it and what goes beside it."""

    def write(style, **config):
        made(style).save(str(tmp_path / "tokenizer.json"))
        config = {"tokenizer_class": "PreTrainedTokenizerFast"} | config
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
        return tmp_path

    return write
