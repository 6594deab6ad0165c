"""``insidegpt support``: the shop's assistant in the terminal."""

import click

from insidegpt.apply.listening import Listener
from insidegpt.apply.records import open_shop
from insidegpt.apply.retrieval import read_passages, search_by_meaning
from insidegpt.apply.shop_questions import handbook
from insidegpt.apply.shop_tools import openings, shop_tools
from insidegpt.apply.support import Assistant, Reply
from insidegpt.cli.chat import lines
from insidegpt.cli.options import load, model_options, printable
from insidegpt.text.world.facts import build_world
from insidegpt.text.world.shop import take_orders

FOUND = 3  # passages that --show tells of


@click.command()
@click.option("--customer", help="Who is logged in. [default: whoever ordered first]")
@click.option("--show", is_flag=True, help="Tell what was called and what was found.")
@model_options
def support(customer: str | None, show: bool, model: str, bits: str) -> None:
    """Ask a shop about its rules, your orders and its products."""
    world = build_world(0)
    orders = take_orders(world)
    customer = customer or orders[0].customer
    mine = [str(order.number) for order in orders if order.customer == customer]
    if not mine:
        raise click.UsageError(f"No customer is called {customer}.")
    listener = Listener(*load(model, bits))
    search = search_by_meaning(read_passages(handbook()))
    tools = shop_tools(open_shop(world, orders), customer)
    assistant = Assistant(listener, tools, openings(), search)
    click.echo(f"You are {customer}, with orders {', '.join(mine)}. Ctrl-D leaves.")
    for line in lines():
        if line == "/quit":
            break
        reply = assistant.reply(line)
        click.echo(printable(reply.text))
        if show:
            click.echo(printable(what_happened(reply, assistant)))


def what_happened(reply: Reply, assistant: Assistant) -> str:
    """The call, those that it was preferred to, and the passages that were heard."""
    said = [f"  called {reply.call.line(assistant.tools)}"]
    others = sorted(reply.heard.items(), key=lambda pair: -pair[1])
    said += [f"  {score:8.1f} {call.line(assistant.tools)}" for call, score in others]
    said += [f"  {f.score:8.1f} [{f.passage.id}]" for f in reply.found[:FOUND]]
    return "\n".join(said)
