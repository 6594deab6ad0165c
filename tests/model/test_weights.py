"""Parameters by name: read when asked for, checked, and forgotten."""

import pytest
import torch

from insidegpt.model.config import PRESETS
from insidegpt.model.gpt import GPT
from insidegpt.model.weights import Weights, load_weights

CONFIG = PRESETS["tiny-llama"]


def readers():
    state = GPT(CONFIG, generator=torch.Generator().manual_seed(0)).state_dict()
    return {name: lambda p=p: p.clone() for name, p in state.items()}


def test_nothing_is_read_before_it_is_asked_for():
    asked, given = [], readers()
    watched = {name: lambda n=name: asked.append(n) or given[n]() for name in given}
    weights = Weights(CONFIG, watched)
    assert asked == [] and len(weights) == len(given)
    weights["norm.weight"]
    assert asked == ["norm.weight"]


def test_a_missing_and_an_unknown_name_are_told_at_once():
    given = readers()
    given["extra.weight"] = given.pop("norm.weight")
    with pytest.raises(ValueError, match=r"1 \(norm.weight\) missing, 1 \(extra.we"):
        Weights(CONFIG, given)


def test_a_wrong_shape_is_told_when_it_is_read():
    weights = Weights(CONFIG, readers() | {"norm.weight": lambda: torch.ones(25)})
    weights["embed.weight"]
    with pytest.raises(ValueError, match=r"norm.weight has shape \(25,\), expected"):
        weights["norm.weight"]


def test_the_configuration_of_smollm2_is_the_preset():
    assert load_weights().config == PRESETS["smollm2"]
