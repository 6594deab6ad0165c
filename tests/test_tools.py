"""The small tools: the lock file and the table of parts."""

import json
import sys

import pytest
from support import ROOT, load_tool

lock = load_tool("lock")
parts = load_tool("parts")


def test_locked_requirements_name_versions_and_nothing_of_the_machine():
    frozen = {"torch": "2.13.0+cpu", "insidegpt": "0.1.0", "Jinja2": "3.1.6"}
    metadata = [{"name": name, "version": text} for name, text in frozen.items()]
    report = json.dumps({"install": [{"metadata": each} for each in metadata]})
    assert lock.pins(report) == ["Jinja2==3.1.6", "torch==2.13.0"]


def test_the_stored_requirements_are_pins_in_order():
    head, *pins = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    assert head == lock.HEADER
    assert pins == sorted(pins, key=lambda pin: pin.partition("==")[0].lower())
    assert all(pin.count("==") == 1 and "+" not in pin for pin in pins)
    assert "torch==2.13.0" in pins


PART = [sys.executable, "-c", "import sys; sys.exit(3 * (sys.argv[1] == 'unit'))"]


def test_parts_stop_at_the_first_that_fails_and_the_table_says_so():
    names = ["lint", "unit", "pages"]
    done = parts.run(names, PART)
    assert [(name, status) for name, _, status in done] == [("lint", 0), ("unit", 3)]
    told = parts.table(names, [("lint", 2.0, 0), ("unit", 61.6, 3)])
    assert [line.split() for line in told.splitlines()[1:]] == [
        ["part", "seconds"],
        ["lint", "2"],
        ["unit", "62", "failed"],
        ["pages", "not", "run"],
        ["all", "64"],
    ]


def test_the_program_fails_when_a_part_does(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["parts.py", "unit"])
    monkeypatch.setattr(parts.run, "__defaults__", (PART,))
    with pytest.raises(SystemExit) as stop:
        parts.main()
    assert stop.value.code == 3
    assert "failed" in capsys.readouterr().out
