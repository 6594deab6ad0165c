"""Write a tokenizer as Hugging Face's files, which everybody reads.

Page: algorithm/tokenization.
"""

import json
from pathlib import Path

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers
from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split
from tokenizers.processors import TemplateProcessing

from insidegpt.files.replace import replace_text
from insidegpt.text.bpe import BPETokenizer
from insidegpt.text.library import LibraryTokenizer
from insidegpt.text.pretokens import BYTE_OF, GPT2_PATTERN


def save_tokenizer(
    tokenizer: BPETokenizer | LibraryTokenizer, directory: str | Path
) -> None:
    """Write ``tokenizer.json``, ``tokenizer_config.json``, and the end ids into
    ``generation_config.json``; each is replaced as a whole or not at all.

    ``load_tokenizer``, ``tokenizers`` and transformers' ``AutoTokenizer`` read them.
    """
    library = to_library(tokenizer)
    names = {
        i: token.content for i, token in library.get_added_tokens_decoder().items()
    }
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "chat_template": tokenizer.chat_template,
        "bos_token": tokenizer.bos_token,
        "add_bos_token": bool(tokenizer.begin_ids),
        "eos_token": next((names[i] for i in tokenizer.end_ids if i in names), None),
        "clean_up_tokenization_spaces": False,
    }
    ends = {"eos_token_id": list(tokenizer.end_ids)}
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    replace_text(directory / "tokenizer.json", library.to_str(pretty=True))
    for name, data in (("tokenizer_config", config), ("generation_config", ends)):
        replace_text(directory / f"{name}.json", json.dumps(data, ensure_ascii=False))


def to_library(tokenizer: BPETokenizer | LibraryTokenizer) -> tokenizers.Tokenizer:
    """The same tokenizer as the ``tokenizers`` library has it."""
    if isinstance(tokenizer, LibraryTokenizer):
        return tokenizers.Tokenizer.from_str(tokenizer.json)
    ids = letters(tokenizer)
    names = list(ids)
    pairs = [(names[left], names[right]) for left, right in tokenizer.merges]
    model = models.BPE(vocab=ids, merges=pairs, ignore_merges=tokenizer.whole_words)
    library = tokenizers.Tokenizer(model)
    cut = Split(Regex(tokenizer.pattern), behavior="isolated")
    level = ByteLevel(add_prefix_space=False, use_regex=False)
    library.pre_tokenizer = Sequence([cut, level])
    if tokenizer.pattern == GPT2_PATTERN:
        library.pre_tokenizer = ByteLevel(add_prefix_space=False)
    if tokenizer.normalize:
        library.normalizer = normalizers.NFC()
    library.decoder = decoders.ByteLevel()
    for name in tokenizer.special | tokenizer.added:
        special = name in tokenizer.special
        library.add_tokens([AddedToken(name, normalized=False, special=special)])
    if tokenizer.begin_ids:
        first = {names[i]: i for i in tokenizer.begin_ids}
        library.post_processor = TemplateProcessing(
            single=[*first, "$A"],
            pair=[*first, "$A", "$B"],
            special_tokens=[*first.items()],
        )
    return library


def letters(tokenizer: BPETokenizer) -> dict[str, int]:
    """Names and ids as GPT-2's files write them: a letter of BYTE_OF for each byte."""
    letter = {byte: character for character, byte in BYTE_OF.items()}
    named = {i: name for name, i in (tokenizer.added | tokenizer.special).items()}
    words = enumerate(tokenizer.vocab)
    names = {named.get(i) or "".join(map(letter.get, word)): i for i, word in words}
    if len(names) < tokenizer.vocab_size:
        raise ValueError("Two tokens would have one name in the file: rename one.")
    return names
