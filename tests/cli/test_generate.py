"""`insidegpt generate` as its users meet it."""

import pytest
from click.testing import CliRunner

from insidegpt import __main__ as program


def test_generate_continues_and_stops(run):
    prompt = "The capital of France is"
    result = run("generate", prompt, "--temperature", "0", "--stop", ".")
    assert result.exit_code == 0
    assert result.output.startswith(f"{prompt} Paris")
    assert "." not in result.output


def test_the_same_seed_gives_the_same_text(run):
    command = ("generate", "Once", "--max-new-tokens", "8", "--seed")
    assert run(*command, "3").output == run(*command, "3").output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("generate", ""), "The prompt is empty"),
        (("generate", "a", "--max-new-tokens", "9000"), "context holds 8192"),
        (("generate", "a", "--temperature", "-1"), "-1.0 is not in the range"),
        (("chat", "--top-p", "2"), "2.0 is not in the range"),
        (("generate", "a", "--temperature", "nan"), "temperature must be"),
        (("generate", "a", "--seed", str(2**70)), "seed must fit into 64 bits"),
        (("generate", "a", "--stop", ""), "stop string is empty"),
    ],
)
def test_bad_requests_are_one_sentence(run, arguments, sentence):
    result = run(*arguments)
    assert result.exit_code != 0
    assert sentence in result.output and "Traceback" not in result.output


def test_a_text_ends_where_the_model_ends_it_and_does_not_show_how(run):
    prompt = "The capital of France is"
    result = run("generate", prompt, "--temperature", "0", "--max-new-tokens", "60")
    assert result.output.startswith(f"{prompt} Paris.")
    assert "<|im_end|>" not in result.output
    assert len(result.output.split()) < 30  # 60 tokens would be more


@pytest.mark.parametrize("command", [("generate", "Nils"), ("chat",)])
def test_a_model_that_holds_less_than_512_tokens_needs_no_option(command):
    name = "mini" if command[0] == "generate" else "mini-sft"
    arguments = [*command, "--model", name, "--temperature", "0", "--bits", "32"]
    result = CliRunner().invoke(program.main, arguments, input="Who are you?\n")
    assert result.exit_code == 0, result.output
    assert "context holds" not in result.output and len(result.output) > 80
