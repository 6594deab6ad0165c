"""``insidegpt serve``: the model behind OpenAI's protocol."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import click

from insidegpt.cli.options import load, model_options


@click.command()
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
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    help="Let pages from there ask, as http://localhost:3000, or * for all.",
)
def serve(
    model: str,
    bits: str,
    host: str,
    port: int,
    slots: int,
    api_key: str | None,
    origins: tuple[str, ...],
) -> None:
    """Answer OpenAI's clients over HTTP, at http://HOST:PORT/v1."""
    try:
        import uvicorn

        from insidegpt.serve.app import make_app
        from insidegpt.serve.scheduler import Limits
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is missing: install insidegpt[serve]."
        ) from error
    with listen(host, port) as listening:
        thread = ThreadPoolExecutor(1)  # the model computes where it was made
        network, tokenizer = thread.submit(load, model, bits).result()
        app = make_app(
            network,
            tokenizer,
            name=model,
            key=api_key or None,
            limits=Limits(slots=slots),
            thread=thread,
            origins=origins,
        )
        place = f"[{host}]" if ":" in host else host
        click.echo(f"{model} answers at http://{place}:{port}/v1, Ctrl-C ends.")
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=5)
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections already; they are answered later."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        raise click.ClickException(
            f"{host}, port {port} can't be listened on ({error.strerror}): name "
            "another --port, or another --host."
        ) from error
