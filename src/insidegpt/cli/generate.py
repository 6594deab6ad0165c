"""``insidegpt generate``: continue a text."""

import dataclasses

import click

from insidegpt.cli.options import load, new_tokens, printable, sampling_options, show
from insidegpt.infer.generate import generate as new_ids
from insidegpt.infer.sampling import Sampling
from insidegpt.text.detokenize import stream_text


@click.command()
@click.argument("prompt")
@sampling_options
def generate(
    prompt: str,
    model: str,
    bits: str,
    max_new_tokens: int | None,
    stop: tuple[str, ...],
    sampling: Sampling,
) -> None:
    """Continue PROMPT, as a base model does, up to where the model ends a text."""
    network, tokenizer = load(model, bits)
    try:
        ids = new_ids(
            network,
            [*tokenizer.begin_ids, *tokenizer.encode(prompt)],
            max_new_tokens=new_tokens(network, max_new_tokens),
            stop_ids=tokenizer.end_ids,
            **dataclasses.asdict(sampling),
        )
        click.echo(printable(prompt), nl=False)
        show(stream_text(tokenizer, ids, stop=stop))
    except ValueError as error:
        raise click.ClickException(str(error)) from error
