"""``insidegpt chat``: a conversation in the terminal."""

import sys
from collections.abc import Iterator

import click

from insidegpt.cli.options import load, new_tokens, sampling_options, show
from insidegpt.infer.chat import answer
from insidegpt.infer.sampling import Sampling

HELP = """\
/reset          forget the conversation
/system TEXT    start over with TEXT as the system message
/help           show this
/quit           leave (or Ctrl-D); Ctrl-C stops an answer"""


@click.command()
@click.option("--system", help="The system message.")
@sampling_options
def chat(
    system: str | None,
    model: str,
    bits: str,
    max_new_tokens: int | None,
    stop: tuple[str, ...],
    sampling: Sampling,
) -> None:
    """Talk to a chat model; /help inside lists the commands."""
    network, tokenizer = load(model, bits)
    opening = [{"role": "system", "content": system}] if system else []
    messages = list(opening)
    click.echo(f"Talking to {model}. /help lists the commands, Ctrl-D leaves.")
    settings = {"stop": stop, "sampling": sampling}
    settings["max_new_tokens"] = new_tokens(network, max_new_tokens)
    for line in lines():
        command, _, rest = line.partition(" ")
        if command == "/quit":
            break
        if command == "/help":
            click.echo(HELP)
        elif command == "/reset":
            messages = list(opening)
            click.echo("The conversation is forgotten.")
        elif command == "/system":
            rest = rest.strip()
            opening = [{"role": "system", "content": rest}] if rest else []
            messages = list(opening)
            click.echo("A new conversation, with that system message.")
        elif line.startswith("/"):
            click.echo(f"There is no command {command}; /help lists them.")
        else:
            turn = [*messages, {"role": "user", "content": line}]
            try:
                text = show(answer(network, tokenizer, turn, **settings))
            except ValueError as error:
                click.echo(f"{error} (/reset starts over.)", err=True)
                continue
            messages = [*turn, {"role": "assistant", "content": text}]


def lines() -> Iterator[str]:
    """What the user types, until Ctrl-D. Ctrl-C here only says how to leave."""
    if sys.stdin.isatty():
        try:
            import readline  # noqa: F401  arrow keys and history
        except ImportError:  # Windows has none: the terminal's own editing must do
            pass
    if hasattr(sys.stdin, "reconfigure"):  # bytes that are no text come as surrogates
        sys.stdin.reconfigure(errors="surrogateescape")
    while True:
        try:
            line = input("> ").strip()
            line.encode()
        except EOFError:
            click.echo()
            return
        except KeyboardInterrupt:
            click.echo("\nCtrl-D or /quit leaves.")
            continue
        except UnicodeEncodeError:
            click.echo("That line is not valid text and was skipped.", err=True)
            continue
        if line:
            yield line
