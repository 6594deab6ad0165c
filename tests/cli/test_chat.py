"""`insidegpt chat` as its users meet it."""

import io
import os
import signal
import subprocess
import sys

import pytest

from insidegpt.cli import chat as cli


@pytest.fixture
def heard(monkeypatch):
    """Replaces the model: every conversation that was sent to it, in order."""
    conversations = []

    def answer(model, tokenizer, messages, **settings):
        conversations.append([(m["role"], m["content"]) for m in messages])
        yield from ("Fine", ", thanks.")

    monkeypatch.setattr(cli, "answer", answer)
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

    monkeypatch.setattr(cli, "answer", answer)
    result = run("chat", typed="A story\nAnother\n")
    assert "Once upon [stopped]" in result.output
    assert "Once upon a time." in result.output
    assert turns == [1, 3]  # what was said before Ctrl-C stays in the conversation


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_line_that_is_no_text_is_named_and_the_chat_goes_on():
    """Latin-1 bytes where the terminal says UTF-8, as in most locales."""
    chat = subprocess.run(
        [sys.executable, "-m", "insidegpt", "chat", "--max-new-tokens", "2"],
        input=b"caf\xe9\n/help\n",
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"},
    )
    assert chat.returncode == 0 and b"Traceback" not in chat.stderr
    assert b"not valid text" in chat.stderr
    assert b"/reset          forget" in chat.stdout


def test_a_terminal_without_readline_will_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "readline", None)  # import then fails
    typed = io.StringIO("Hi\n")
    typed.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", typed)
    assert list(cli.lines()) == ["Hi"]
