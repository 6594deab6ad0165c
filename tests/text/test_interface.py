"""Both kinds of tokenizer answer to the one interface."""

import pytest

import insidegpt
from insidegpt.text import interface


def test_both_kinds_are_tokenizers(tokenizers, written):
    assert isinstance(tokenizers["gpt2"], interface.Tokenizer)
    assert isinstance(insidegpt.load_tokenizer(written("llama2")), interface.Tokenizer)
    assert not isinstance("gpt2", interface.Tokenizer)


def test_begin_and_end_of_the_real_ones(tokenizers):
    gpt2, smollm2 = tokenizers["gpt2"], tokenizers["smollm2"]
    assert (gpt2.begin_ids, gpt2.end_ids, gpt2.chat_template) == ((), (50256,), None)
    assert (smollm2.begin_ids, smollm2.end_ids) == ((), (2,))


@pytest.mark.parametrize("token", [-1, 3])
def test_an_id_that_is_none_is_named(token):
    interface.check_token(2, 3)
    with pytest.raises(ValueError, match=f"no token {token}: ids .* 0..2"):
        interface.check_token(token, 3)


def test_half_a_surrogate_pair_is_named():
    assert interface.utf8("\u00e9") == b"\xc3\xa9"
    with pytest.raises(ValueError, match="half a surrogate pair, '.ud800'"):
        interface.utf8("a\ud800")
