"""The views that pages show: each turns what was measured into the data it draws."""

from insidegpt.show.view import View, script
from insidegpt.show.widgets.attention import Looks, attention_view
from insidegpt.show.widgets.budget import Fitted, budget_view
from insidegpt.show.widgets.cost import cost_view
from insidegpt.show.widgets.descent import descent_view
from insidegpt.show.widgets.growth import Asked, Moment, growth_view
from insidegpt.show.widgets.guess import guess_view
from insidegpt.show.widgets.kernel import kernel_view
from insidegpt.show.widgets.logits import logits_view
from insidegpt.show.widgets.moments import moments_view
from insidegpt.show.widgets.neighbours import neighbours_view
from insidegpt.show.widgets.origins import origins_view
from insidegpt.show.widgets.positions import positions_view
from insidegpt.show.widgets.replay import replay_view
from insidegpt.show.widgets.request import Part, request_view
from insidegpt.show.widgets.ring import ring_view
from insidegpt.show.widgets.roofline import roofline_view
from insidegpt.show.widgets.sampling import sampling_view
from insidegpt.show.widgets.steps import steps_view
from insidegpt.show.widgets.tokens import tokens_view

__all__ = [
    "Asked",
    "Fitted",
    "Looks",
    "Moment",
    "Part",
    "View",
    "attention_view",
    "budget_view",
    "cost_view",
    "growth_view",
    "guess_view",
    "descent_view",
    "kernel_view",
    "logits_view",
    "moments_view",
    "neighbours_view",
    "origins_view",
    "positions_view",
    "replay_view",
    "request_view",
    "ring_view",
    "roofline_view",
    "sampling_view",
    "script",
    "steps_view",
    "tokens_view",
]
