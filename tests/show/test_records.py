"""Stored measurements are found wherever a page runs, and say how they were made."""

import pytest
from support import ROOT

from insidegpt.show.records import record

STORED = sorted((ROOT / "src" / "insidegpt" / "show" / "records").glob("*.json"))


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_record_is_read_from_another_folder_and_names_its_script(
    path, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    command = record(path.stem)["command"]
    script = next(word for word in command.split() if word.endswith(".py"))
    assert (ROOT / script).is_file()
