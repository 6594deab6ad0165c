"""What pages show: sources, proofs of equality, figures and views."""

from insidegpt.show import plots, predict, widgets
from insidegpt.show.source import same, show, show_cpp

__all__ = ["plots", "predict", "same", "show", "show_cpp", "widgets"]
