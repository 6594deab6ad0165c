"""The console program as its users meet it."""

import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from click.testing import CliRunner

from insidegpt import __main__ as cli
from insidegpt.infer import stream


@pytest.fixture
def run(monkeypatch, smollm2, tokenizer):
    """Run a command with the model that is already loaded; returns its output."""
    monkeypatch.setattr(cli, "load", lambda source, bits: (smollm2, tokenizer))

    def call(*arguments, typed=""):
        return CliRunner().invoke(cli.main, arguments, input=typed)

    return call


@pytest.fixture
def heard(monkeypatch):
    """Replaces the model: every conversation that was sent to it, in order."""
    conversations = []

    def answer(model, tokenizer, messages, **settings):
        conversations.append([(m["role"], m["content"]) for m in messages])
        yield from ("Fine", ", thanks.")

    monkeypatch.setattr(stream, "answer", answer)
    return conversations


def test_chat_answers(run):
    result = run("chat", "--temperature", "0", typed="What is the capital of France?\n")
    assert result.exit_code == 0
    assert "The capital of France is Paris." in result.output


def test_chat_keeps_the_conversation(run, heard):
    run("chat", typed="How are you?\nAnd now?\n")
    assert heard[1] == [
        ("user", "How are you?"),
        ("assistant", "Fine, thanks."),
        ("user", "And now?"),
    ]


def test_reset_forgets_and_keeps_the_system_message(run, heard):
    run("chat", "--system", "Be brief.", typed="One\n/reset\nTwo\n")
    assert heard[1] == [("system", "Be brief."), ("user", "Two")]


def test_system_starts_over_with_a_new_one(run, heard):
    run("chat", typed="One\n/system Be brief.\nTwo\n/system\nThree\n")
    assert heard[1] == [("system", "Be brief."), ("user", "Two")]
    assert heard[2] == [("user", "Three")]


def test_commands_that_do_not_exist_are_named_and_not_sent(run, heard):
    result = run("chat", typed="/sytem x\n/help\n\n/quit\nnever read\n")
    assert "There is no command /sytem" in result.output
    assert "/reset          forget" in result.output
    assert heard == []


def test_ctrl_c_stops_the_answer_and_not_the_program(run, monkeypatch):
    turns = []

    def answer(model, tokenizer, messages, **settings):
        turns.append(len(messages))
        yield "Once upon"
        if len(turns) == 1:
            raise KeyboardInterrupt
        yield " a time."

    monkeypatch.setattr(stream, "answer", answer)
    result = run("chat", typed="A story\nAnother\n")
    assert "Once upon [stopped]" in result.output
    assert "Once upon a time." in result.output
    assert turns == [1, 3]  # what was said before Ctrl-C stays in the conversation


def test_a_real_interrupt_in_a_real_process():
    chat = subprocess.Popen(
        [sys.executable, "-m", "insidegpt", "chat", "--temperature", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=0,
        # A shell's background jobs, of which the tests may be one, ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    chat.stdin.write("Tell me a very long story about the sea.\n")
    seen = ""
    while "sea" not in seen.partition("> ")[2]:  # the answer has begun
        letter = chat.stdout.read(1)
        assert letter, seen
        seen += letter
    chat.send_signal(signal.SIGINT)
    rest, _ = chat.communicate("/help\n/quit\n", timeout=60)
    assert " [stopped]" in rest and "/reset" in rest
    assert chat.returncode == 0


def test_too_long_a_message_loses_nothing(run):
    result = run("chat", typed="word " * 9000 + "\nHi\n")
    assert "context holds 8192" in result.output and "/reset" in result.output
    assert result.exit_code == 0


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
        (("generate", "a", "--stop", ""), "stop string is empty"),
    ],
)
def test_bad_requests_are_one_sentence(run, arguments, sentence):
    result = run(*arguments)
    assert result.exit_code != 0
    assert sentence in result.output and "Traceback" not in result.output


def test_a_model_that_is_not_there_is_one_sentence():
    result = CliRunner().invoke(cli.main, ["chat", "--model", "./nowhere"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ./nowhere is neither a directory")


def test_serve_answers_until_it_is_interrupted():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "insidegpt", "serve", "--port", str(port)]
    secret = {"INSIDEGPT_API_KEY": "sk-1"}
    with subprocess.Popen(command, env=os.environ | secret) as process:
        try:
            status = first_status(f"http://127.0.0.1:{port}/v1/models", "sk-1")
            assert status == 200
            assert first_status(f"http://127.0.0.1:{port}/v1/models", "sk-2") == 401
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) in (0, -signal.SIGINT, 130)


def first_status(url, key):
    """The status of the first answer, waiting until there is one."""
    headers = {"Authorization": f"Bearer {key}"}
    for _ in range(300):
        try:
            return httpx.get(url, headers=headers).status_code
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("The server did not start within 30 seconds.")
