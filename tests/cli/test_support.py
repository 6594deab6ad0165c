"""`insidegpt support` as its users meet it."""

from insidegpt.text.world.facts import build_world
from insidegpt.text.world.shop import take_orders

ORDERS = take_orders(build_world(0))


def first(state):
    return next(order for order in ORDERS if order.state == state)


def test_an_order_is_looked_up_and_what_was_called_is_shown(run):
    order = first("sent")
    asked = f"Where is my order {order.number}?\n"
    result = run("support", "--customer", order.customer, "--show", typed=asked)
    assert result.exit_code == 0
    assert f"Order {order.number} has been sent" in result.output
    assert f'called {{"tool": "order", "number": {order.number}}}' in result.output


def test_without_show_only_the_answer_is_told(run):
    result = run("support", typed="What does it cost to park behind the shop?\n")
    assert "The first 90 minutes are free" in result.output
    assert "[parking]" in result.output and "called" not in result.output


def test_an_order_is_cancelled_after_a_yes(run):
    order = first("paid")
    typed = f"Please cancel order {order.number}.\nyes\n/quit\nnever read\n"
    result = run("support", "--customer", order.customer, typed=typed)
    assert f"Shall I cancel order {order.number}?" in result.output
    assert f"Order {order.number} is cancelled." in result.output


def test_a_customer_that_is_none_is_named(run):
    result = run("support", "--customer", "Nobody")
    assert result.exit_code == 2 and "No customer is called Nobody." in result.output


def test_a_yes_to_nothing_is_answered_somehow(run):
    assert run("support", typed="\nyes\n?!\n").exit_code == 0
