"""The console program, ``insidegpt``: a command a room of ``cli``."""

import click

from insidegpt.cli.chat import chat
from insidegpt.cli.generate import generate
from insidegpt.cli.serve import serve
from insidegpt.cli.support import support
from insidegpt.cli.train import train


@click.group(context_settings={"max_content_width": 88})
def main() -> None:
    """Inside ChatGPT: talk to a real chat model on your own machine, or train one."""


for command in (chat, generate, serve, support, train):
    main.add_command(command)

if __name__ == "__main__":
    main()
