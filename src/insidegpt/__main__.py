"""The console program: ``insidegpt chat``, ``generate`` and ``serve``."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import click

HELP = """\
/reset          forget the conversation
/system TEXT    start over with TEXT as the system message
/help           show this
/quit           leave (or Ctrl-D); Ctrl-C stops an answer"""


def sampling_options(command: Callable) -> Callable:
    """The options that `chat` and `generate` share, those of `model_options` too."""
    share = click.FloatRange(0, 1, min_open=True)
    some = click.IntRange(min=1)
    for option in (
        click.option("--seed", type=int, help="Same seed, same text."),
        click.option("--stop", multiple=True, help="End before this string."),
        click.option(
            "--repetition-penalty",
            type=click.FloatRange(0, min_open=True),
            default=1.0,
            help="Above 1, what was said becomes less likely.",
        ),
        click.option("--min-p", type=share, help="Drop tokens below this x the best."),
        click.option("--top-p", type=share, help="Draw from this share of the mass."),
        click.option("--top-k", type=some, help="Draw from the k likeliest tokens."),
        click.option(
            "--temperature",
            type=click.FloatRange(min=0),
            default=0.7,
            show_default=True,
            help="0 always takes the likeliest token.",
        ),
        click.option("--max-new-tokens", type=some, default=512, show_default=True),
    ):
        command = option(command)
    return model_options(command)


def model_options(command: Callable) -> Callable:
    """Which model, in which form."""
    bits = click.option(
        "--bits",
        type=click.Choice(["auto", "4", "8", "32"]),
        default="auto",
        show_default=True,
        help="Of each weight. auto: 4 where that changes none, else 8. 32: the "
        "readable model, slower.",
    )
    model = click.option(
        "--model",
        default="smollm2",
        show_default=True,
        help="smollm2, a directory, or a hub id.",
    )
    return model(bits(command))


@click.group(context_settings={"max_content_width": 88})
def main() -> None:
    """Inside ChatGPT: talk to a real chat model on your own machine."""


@main.command()
@click.option("--system", help="The system message.")
@sampling_options
def chat(
    system: str | None, model: str, bits: str, stop: tuple[str, ...], **settings
) -> None:
    """Talk to a chat model; /help inside lists the commands."""
    from insidegpt.infer.stream import answer

    network, tokenizer = load(model, bits)
    opening = [{"role": "system", "content": system}] if system else []
    messages = list(opening)
    click.echo(f"Talking to {model}. /help lists the commands, Ctrl-D leaves.")
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
                pieces = answer(network, tokenizer, turn, stop=stop, **settings)
                text = show(pieces)
            except ValueError as error:
                click.echo(f"{error} (/reset starts over.)", err=True)
                continue
            messages = [*turn, {"role": "assistant", "content": text}]


@main.command("generate")
@click.argument("prompt")
@sampling_options
def generate_(
    prompt: str, model: str, bits: str, stop: tuple[str, ...], **settings
) -> None:
    """Continue PROMPT, as a base model does."""
    from insidegpt import generate
    from insidegpt.infer.stream import check_pair, stream_text

    network, tokenizer = load(model, bits)
    try:
        check_pair(network, tokenizer)
        ids = generate(network, tokenizer.encode(prompt), **settings)
        click.echo(prompt, nl=False)
        show(stream_text(tokenizer, ids, stop=stop))
    except ValueError as error:
        raise click.ClickException(str(error)) from error


@main.command()
@model_options
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--slots",
    type=click.IntRange(1, 64),
    default=8,
    show_default=True,
    help="Texts written at the same time; more wait.",
)
@click.option(
    "--api-key",
    envvar="INSIDEGPT_API_KEY",
    show_envvar=True,
    help="Ask this key of clients. Better given by the variable: lists of running "
    "programs show options.",
)
def serve(
    model: str, host: str, port: int, bits: str, slots: int, api_key: str | None
) -> None:
    """Answer OpenAI's clients over HTTP, at http://HOST:PORT/v1."""
    try:
        import uvicorn

        from insidegpt.infer.guard import Impatient
        from insidegpt.infer.server import Limits, make_app
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is missing: install insidegpt[serve]."
        ) from error
    limits = Limits(slots=slots)
    thread = ThreadPoolExecutor(1)
    network, tokenizer = thread.submit(load, model, bits).result()
    settings = {"name": model, "key": api_key, "limits": limits, "thread": thread}
    try:
        app = make_app(network, tokenizer, **settings)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{model} answers at http://{host}:{port}/v1, Ctrl-C ends.")
    settings = {"http": Impatient, "timeout_graceful_shutdown": 5}
    uvicorn.run(app, host=host, port=port, log_level="warning", **settings)


def load(source: str, bits: str):
    """Model and tokenizer, or one sentence on why not."""
    from insidegpt import load_model, load_tokenizer
    from insidegpt.infer.native import fastest, library

    with ThreadPoolExecutor(1) as other:
        if bits != "32":
            other.submit(library)  # compiles while the file is read
        try:
            model, tokenizer = load_model(source), load_tokenizer(source)
        except (ValueError, OSError) as error:
            raise click.ClickException(str(error)) from error
    if bits == "32":
        return model, tokenizer
    return fastest(model, bits=None if bits == "auto" else int(bits)), tokenizer


def lines() -> Iterator[str]:
    """What the user types, until Ctrl-D. Ctrl-C here only says how to leave."""
    if sys.stdin.isatty():
        import readline  # noqa: F401  arrow keys and history
    while True:
        try:
            line = input("> ").strip()
        except EOFError:
            click.echo()
            return
        except KeyboardInterrupt:
            click.echo("\nCtrl-D or /quit leaves.")
            continue
        if line:
            yield line


def show(pieces: Iterator[str]) -> str:
    """Print pieces as they come; Ctrl-C ends the answer and keeps what is there."""
    text = ""
    try:
        for piece in pieces:
            click.echo(piece, nl=False)
            text += piece
    except KeyboardInterrupt:
        click.echo(" [stopped]", nl=False)
    click.echo()
    return text


if __name__ == "__main__":
    main()
