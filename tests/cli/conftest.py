"""The console program with a model that is already loaded."""

import pytest
from click.testing import CliRunner

from insidegpt import __main__ as program
from insidegpt.cli import chat, generate, support


@pytest.fixture
def run(monkeypatch, smollm2, tokenizer):
    """Run a command with SmolLM2; returns its result."""
    for command in (chat, generate, support):
        monkeypatch.setattr(command, "load", lambda source, bits: (smollm2, tokenizer))

    def call(*arguments, typed=""):
        return CliRunner().invoke(program.main, arguments, input=typed)

    return call
