"""The view of a training from beginning to end: the same questions at every moment."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes

from insidegpt.measure.replies import KINDS
from insidegpt.show import plots
from insidegpt.show.view import View
from insidegpt.text.chat import Message

COLOURS = (plots.QUERY, plots.VALUE, plots.KEY)


class Asked(NamedTuple):
    """A question that is put at every moment."""

    about: str  # what it tests, in a few words
    turns: list[Message]
    answer: str  # the right one


class Moment(NamedTuple):
    """How the model stood after a step."""

    stage: str
    step: int
    shares: list[float]  # one for each curve
    says: list[tuple[str, str]]  # to each question: a text, and its one of KINDS


def growth_view(
    asked: Sequence[Asked],
    moments: Sequence[Moment],
    *,
    curves: Sequence[str],
    title: str,
    caption: str,
    alt: str,
) -> View:
    """A model's answers along its training, and up to three shares as curves.

    Raises ValueError where a moment doesn't answer each question and each curve.
    """
    stages = list(dict.fromkeys(moment.stage for moment in moments))
    for moment in moments:
        fits = len(moment.says) == len(asked) and len(moment.shares) == len(curves)
        if not fits or any(kind not in KINDS for _, kind in moment.says):
            raise ValueError(
                f"Step {moment.step} of {moment.stage} must have {len(asked)} answers, "
                f"each of a kind out of {', '.join(KINDS)}, and {len(curves)} shares."
            )
    data = {
        "stages": stages,
        "curves": list(curves),
        "asked": [question._asdict() for question in asked],
        "moments": [moment._asdict() for moment in moments],
    }

    def paint(ax: Axes) -> None:
        for n, name in enumerate(curves):
            shares = [moment.shares[n] for moment in moments]
            ax.plot(shares, color=COLOURS[n], label=name)
        begins = [[m.stage for m in moments].index(stage) for stage in stages]
        ax.set_xticks(begins, stages)
        ax.set(ylim=(-0.02, 1.02), ylabel="share of the answers")
        ax.legend()

    fallback, _ = plots.pictures(paint, alt=alt, height=260)
    words = {"title": title, "caption": caption, "alt": alt, "fallback": fallback}
    return View("growth", data, **words)
