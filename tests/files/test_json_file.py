"""JSON of others: an object, or one sentence that names the file."""

import pytest

from insidegpt.files.json_file import expecting, read_json


@pytest.mark.parametrize("text", ["[1]", "null", "7", '"x"', "", "{", "{]", "[" * 9999])
def test_what_is_no_object_is_one_sentence(tmp_path, text):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="config.json") as caught:
        read_json(path)
    assert "\n" not in str(caught.value)


def test_an_object_is_read_with_or_without_a_byte_order_mark(tmp_path):
    path = tmp_path / "config.json"
    for start in (b"", b"\xef\xbb\xbf"):
        path.write_bytes(start + b'{"a": "\xc3\xa9"}')
        assert read_json(path) == {"a": "é"}


def test_bytes_that_are_no_text_and_a_missing_file_are_named(tmp_path):
    path = tmp_path / "config.json"
    with pytest.raises(FileNotFoundError, match="config.json is missing"):
        read_json(path)
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(ValueError, match="config.json is truncated or corrupted"):
        read_json(path)


def test_unexpected_content_becomes_an_error_that_names_the_file(tmp_path):
    for wrong in (lambda: {}["a"], lambda: None + 1, lambda: [][0], lambda: (1).x):
        with pytest.raises(ValueError, match="config.json something is missing"):
            with expecting(tmp_path / "config.json"):
                wrong()
