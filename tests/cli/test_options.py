"""What several commands share."""

import io

import click
import pytest
from click.testing import CliRunner

from insidegpt import __main__ as program
from insidegpt.cli.options import load, printable, sampling_options, show
from insidegpt.fast.cpp_engine import CppEngine
from insidegpt.infer.sampling import Sampling
from insidegpt.model.gpt import GPT


def test_options_become_one_sampling():
    found = []

    @click.command()
    @sampling_options
    def command(sampling, **rest):
        found.append((sampling, rest))

    CliRunner().invoke(command, ["--top-k", "5", "--seed", "3", "--stop", "x"])
    assert found[0][0] == Sampling(0.7, top_k=5, seed=3)
    assert found[0][1]["stop"] == ("x",) and found[0][1]["model"] == "smollm2"


@pytest.mark.slow
def test_bits_choose_the_form():
    assert isinstance(load("smollm2", "32")[0], GPT)
    packed, tokenizer = load("smollm2", "8")
    assert isinstance(packed, CppEngine) and packed.bits == 8
    assert tokenizer.encode(" the") == [260]


def test_what_a_terminal_can_not_write_becomes_a_question_mark(monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr("sys.stdout", terminal)
    assert printable("café ☕") == "café ?"
    assert show(iter(["caf", "é ☕"])) == "café ☕"  # the conversation keeps it


def test_a_model_that_is_not_there_is_one_sentence():
    result = CliRunner().invoke(program.main, ["chat", "--model", "./nowhere"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ./nowhere is neither a directory")
