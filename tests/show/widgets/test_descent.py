"""The view of descent goes the way of the package's optimizers."""

import pytest
import torch
from viewed import WORDS, stored

from insidegpt.show import widgets
from insidegpt.show.widgets.descent import RATES, START, TURN, descend
from insidegpt.train.optim import Muon

BEGIN = {"SGD": 0.095, "momentum": 0.01, "Adam": 0.5, "Muon": 0.5}


def test_gradient_descent_by_hand():
    """Rate 0.1 at curvatures 1 and 20: factors 0.9 and -1, so (-9, 3) to (-8.1, -3)."""
    places = descend("SGD", rate=0.1, elongation=20)
    assert places[1].tolist() == pytest.approx([-8.1, -3])
    assert places[2].tolist() == pytest.approx([-7.29, 3])
    assert places.shape == (61, 2)


def test_below_two_over_the_curvature_it_comes_down_and_above_it_runs_away():
    calm = descend("SGD", rate=0.095, elongation=20)
    wild = descend("SGD", rate=0.125, elongation=20)
    assert calm[-1].norm() < 0.1 and wild[-1].norm() > 1e6


@pytest.mark.parametrize("name", ["SGD", "momentum", "Muon"])
def test_only_adam_minds_a_turn(name):
    straight = descend(name, rate=0.05, elongation=20)
    turned = descend(name, rate=0.05, elongation=20, tilted=True)
    assert (turned - straight @ TURN.T).abs().max() < 1e-9


def test_adam_minds_a_turn():
    straight = descend("Adam", rate=0.2, elongation=20)
    turned = descend("Adam", rate=0.2, elongation=20, tilted=True)
    assert (turned - straight @ TURN.T).abs().max() > 0.5
    assert turned[-1].norm() > 5 * straight[-1].norm()


def test_muon_on_the_turned_matrix_itself():
    """Along s and t lie the singular directions of a matrix; here it is whole."""
    u = torch.tensor([[1.0, 1.0], [-1.0, 1.0]], dtype=torch.float64) * 0.5**0.5
    matrix = (u * torch.tensor(START, dtype=torch.float64) @ u.T).requires_grad_()
    optimizer = Muon([matrix], lr=0.3)
    curves = torch.tensor([1.0, 20.0], dtype=torch.float64)
    for _ in range(10):
        at = (u.T @ matrix @ u).diagonal()
        matrix.grad = (u * (curves * at).detach()) @ u.T
        optimizer.step()
    expected = descend("Muon", rate=0.3, elongation=20)[10]
    got = (u.T @ matrix @ u).diagonal()
    assert (got - expected).abs().max() < 1e-9


def test_the_view_begins_where_it_says():
    words = {"title": "T", **WORDS}
    view = widgets.descent_view(optimizer="SGD", elongation=20, rates=BEGIN, **words)
    data = stored(view)
    assert data["names"][data["optimizer"]] == "SGD"
    assert data["elongations"][data["elongation"]] == 20
    assert [data["rates"][i] for i in data["begin"]] == list(BEGIN.values())
    assert "<svg" in view.markup  # where no script runs
    assert tuple(sorted(set(RATES))) == RATES


@pytest.mark.parametrize("part", [{"elongation": 3}, {"rates": BEGIN | {"SGD": 0.11}}])
def test_what_the_sliders_do_not_have_is_refused(part):
    settings = {"optimizer": "SGD", "elongation": 20, "rates": BEGIN, "title": "T"}
    with pytest.raises(ValueError, match="elongation must be one of"):
        widgets.descent_view(**settings | part, **WORDS)
