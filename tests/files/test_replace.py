"""A file is whole, or as it was."""

import pytest

from insidegpt.files.replace import replace, replace_text


def test_a_text_takes_the_place_of_another(tmp_path):
    path = tmp_path / "config.json"
    for text in ("old", "néw"):
        replace_text(path, text)
    assert path.read_text("utf-8") == "néw"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("problem", [KeyboardInterrupt, OSError(28, "full")])
def test_what_breaks_off_leaves_the_old_file_and_nothing_else(tmp_path, problem):
    path = tmp_path / "config.json"
    path.write_text("old")

    def half(unfinished):
        unfinished.write_text("ne")
        raise problem

    with pytest.raises((KeyboardInterrupt, OSError)):
        replace(path, half)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
