"""`insidegpt train` as its users meet it."""

import pytest
from click.testing import CliRunner

from insidegpt import __main__ as program
from insidegpt.cli import train
from insidegpt.train.run import carry_out

RECIPE = """
report_every = 4
[source]
text = "{text}"
vocab_size = 300
context_tokens = 16
rows = 4
held_out = 0.2
[model]
n_layers = 1
d_model = 16
n_heads = 2
n_kv_heads = 2
d_ff = 16
[training]
steps = 8
"""


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("Once upon a time. " * 9 + str(list(range(400))))
    (tmp_path / "own.toml").write_text(RECIPE.format(text="text.txt"))

    def invoke(*arguments):
        return CliRunner().invoke(program.main, ["train", *arguments])

    return invoke


def test_it_trains_writes_samples_and_says_what_to_do_next(call, tmp_path):
    result = call("own.toml", "--prompt", "Once")
    assert result.exit_code == 0, result.output
    assert "step 4: " in result.output and "step 8: " in result.output
    assert result.output.count("    Once") == 2
    assert "insidegpt generate --model own 'Once'" in result.output
    assert (tmp_path / "own" / "model.safetensors").is_file()


def test_stopped_it_says_so_and_goes_on(call, monkeypatch):
    def interrupted(job):
        for report in carry_out(job):
            if report.step.number == 2:
                train.signal.raise_signal(train.signal.SIGINT)
            yield report

    monkeypatch.setattr(train, "carry_out", interrupted)
    result = call("own.toml")
    assert result.exit_code == 0, result.output
    assert "Stopped; the same command goes on" in result.output
    monkeypatch.setattr(train, "carry_out", carry_out)
    again = call("own.toml")
    assert "step 3 of 8" in again.output and "Trained." in again.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nothing",), "neither a recipe here nor a file"),
        (("broken.toml",), "broken.toml: training.stesp is not known"),
    ],
)
def test_bad_recipes_are_one_sentence(call, tmp_path, arguments, sentence):
    (tmp_path / "broken.toml").write_text("[training]\nstesp = 3")
    result = call(*arguments)
    assert result.exit_code == 1
    assert sentence in result.output and "Traceback" not in result.output
