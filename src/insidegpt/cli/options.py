"""What several commands share: options, loading a model, showing text as it comes."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import wraps

import click

from insidegpt.fast.choose import load_fastest
from insidegpt.fast.compile import library
from insidegpt.infer.sampling import Sampling
from insidegpt.model.checkpoint import check_pair, load_checkpoint
from insidegpt.model.interface import Model
from insidegpt.text.interface import Tokenizer
from insidegpt.text.vocab import load_tokenizer

NEW_TOKENS = 512  # unless told otherwise


def sampling_options(command: Callable) -> Callable:
    """The options of ``Sampling``; the command gets one as ``sampling``."""
    share = click.FloatRange(0, 1, min_open=True)
    positive = click.FloatRange(0, min_open=True)
    temperature = click.FloatRange(min=0)
    options = {
        "temperature": (temperature, 0.7, "0 always takes the likeliest token."),
        "top-k": (click.IntRange(min=1), None, "Draw from the k likeliest tokens."),
        "top-p": (share, None, "Draw from this share of the mass."),
        "min-p": (share, None, "Drop tokens below this x the best."),
        "repetition-penalty": (positive, 1.0, "Above 1, repeating is less likely."),
        "seed": (int, None, "Same seed, same text."),
    }
    names = [name.replace("-", "_") for name in options]

    @wraps(command)
    def with_sampling(**given) -> None:
        settings = {name: given.pop(name) for name in names}
        try:
            sampling = Sampling(**settings)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        command(sampling=sampling, **given)

    for name, (kind, default, text) in reversed(options.items()):
        shown = {"show_default": default is not None, "help": text}
        option = click.option(f"--{name}", type=kind, default=default, **shown)
        with_sampling = option(with_sampling)
    stop = click.option("--stop", multiple=True, help="End before this string.")
    tokens = click.option(
        "--max-new-tokens",
        type=click.IntRange(min=1),
        help=f"[default: {NEW_TOKENS}, or half of the model's context if that is less]",
    )
    return model_options(tokens(stop(with_sampling)))


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
        help="smollm2, a directory, a .gguf file, or a hub id.",
    )
    return model(bits(command))


def load(source: str, bits: str) -> tuple[Model, Tokenizer]:
    """Model and tokenizer, or one sentence on why not."""
    with ThreadPoolExecutor(1) as other:
        if bits != "32":
            other.submit(library)  # compiles while the file is read
        try:
            if bits == "32":
                return load_checkpoint(source)
            tokenizer = load_tokenizer(source)
            wanted = None if bits == "auto" else int(bits)
            model = load_fastest(source, bits=wanted)
            check_pair(model, tokenizer)
        except (ValueError, OSError) as error:
            raise click.ClickException(str(error)) from error
    return model, tokenizer


def new_tokens(model: Model, wanted: int | None) -> int:
    """How many new tokens there may be."""
    return wanted or max(1, min(NEW_TOKENS, model.config.context_tokens // 2))


def show(pieces: Iterator[str]) -> str:
    """Print pieces as they come; Ctrl-C ends the answer and keeps what is there."""
    text = ""
    try:
        for piece in pieces:
            text += piece
            click.echo(printable(piece), nl=False)
    except KeyboardInterrupt:
        click.echo(" [stopped]", nl=False)
    click.echo()
    return text


def printable(text: str) -> str:
    """The text with a ? for what the terminal's encoding has no sign for."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, errors="replace").decode(encoding)
