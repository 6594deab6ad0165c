"""The optimum over enumerated answers, against its definition and against draws."""

import pytest
import torch

from insidegpt.align.kl import exact_kl, k3
from insidegpt.measure.optimum import (
    answer_table,
    best_of,
    enumerate_answers,
    grpo_rest,
    locate,
    optimum,
)
from insidegpt.model.checkpoint import load_checkpoint
from insidegpt.text.world.dialogues import write_questions
from insidegpt.text.world.facts import build_world
from insidegpt.text.world.preferences import Gold


@pytest.fixture
def toy() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(7, dtype=torch.float64, generator=draw)
    rewards = torch.tensor([1.0, -1.0, -1.0, 0.5, 0.5, -1.5, 1.0], dtype=torch.float64)
    return logits.log_softmax(-1), rewards


def test_no_policy_gains_more_than_the_optimum(toy) -> None:
    reference, rewards = toy
    beta, draw = 0.3, torch.Generator().manual_seed(1)

    def objective(policy: torch.Tensor) -> float:
        gain = (policy.softmax(-1) * rewards).sum()
        return (gain - beta * exact_kl(policy, reference)).item()

    best = optimum(reference, rewards, beta=beta)
    # Its value is known as well: beta times the log of the normalizer.
    value = beta * (reference + rewards / beta).logsumexp(-1).item()
    assert objective(best) == pytest.approx(value, abs=1e-12)
    for size in (1e-3, 0.1, 1.0):
        for _ in range(50):
            step = torch.randn(7, dtype=torch.float64, generator=draw)
            assert objective(best + size * step) < value


def test_the_gap_is_what_the_objective_lacks(toy) -> None:
    # J(best) - J(policy) = beta KL(policy | best), for every policy.
    reference, rewards = toy
    policy = torch.randn(7, dtype=torch.float64, generator=torch.manual_seed(2))
    place = locate(policy, reference, rewards, beta=0.3)
    best = optimum(reference, rewards, beta=0.3)
    ideal = locate(best, reference, rewards, beta=0.3)
    lacks = (ideal.reward - 0.3 * ideal.kl) - (place.reward - 0.3 * place.kl)
    assert lacks == pytest.approx(0.3 * place.gap, abs=1e-12)
    assert ideal.gap == pytest.approx(0, abs=1e-12)
    assert locate(reference, reference, rewards, beta=0.3).kl == pytest.approx(0)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_best_of_n_against_draws(toy, n: int) -> None:
    reference, rewards = toy
    exact = best_of(reference, rewards, n=n).exp()
    assert exact.sum().item() == pytest.approx(1, abs=1e-12)
    draw = torch.Generator().manual_seed(3)
    tries = torch.multinomial(
        reference.exp(), n * 40_000, replacement=True, generator=draw
    ).view(-1, n)
    first_best = rewards[tries].argmax(1)  # the first of equals
    drawn = tries.gather(1, first_best[:, None]).flatten().bincount(minlength=7)
    shares = drawn / len(tries)
    error = (exact * (1 - exact) / len(tries)).sqrt()
    assert ((shares - exact).abs() < 4.5 * error + 1e-9).all()


def test_best_of_one_is_the_reference(toy) -> None:
    reference, rewards = toy
    torch.testing.assert_close(best_of(reference, rewards, n=1), reference)


def expected_update(policy, reference, rewards, beta: float, by_deviation: bool):
    """The gradient of GRPO's loss for the logits, summed over all answers."""
    logits = policy.clone().requires_grad_()
    now, share = logits.log_softmax(-1), policy.softmax(-1)
    better = rewards - share @ rewards
    if by_deviation:
        better = better / (share @ better.square()).sqrt()
    penalty = k3(now, reference.log_softmax(-1))
    (share * (beta * penalty - better * now)).sum().backward()  # ratios are 1
    return logits.grad


@pytest.mark.parametrize("by_deviation", [True, False])
@pytest.mark.parametrize("beta", [0.05, 0.5, 5.0])
def test_grpo_s_expected_update_is_zero_at_rest(toy, beta, by_deviation) -> None:
    settings = {"beta": beta, "by_deviation": by_deviation}
    rest = grpo_rest(*toy, **settings)
    assert rest.exp().sum().item() == pytest.approx(1, abs=1e-9)
    assert expected_update(rest, *toy, **settings).abs().max() < 1e-9
    for other in (toy[0], optimum(*toy, beta=beta)):
        assert expected_update(other, *toy, **settings).abs().max() > 1e-3


def test_grpo_s_rest_by_hand() -> None:
    """Rewards 1 and 0, p_ref = 0.2: beta (p - 0.2) = sqrt(p (1 - p)), which p = 0.8
    solves for beta = 0.4 / 0.6. Undivided: beta (p - 0.2) = p (1 - p), 0.16 / 0.6."""
    reference = torch.tensor([0.2, 0.8], dtype=torch.float64).log()
    rewards = torch.tensor([1.0, 0.0], dtype=torch.float64)
    rest = grpo_rest(reference, rewards, beta=2 / 3)
    assert rest.exp().tolist() == pytest.approx([0.8, 0.2])
    plain = grpo_rest(reference, rewards, beta=0.16 / 0.6, by_deviation=False)
    assert plain.exp().tolist() == pytest.approx([0.8, 0.2])


def test_grpo_rests_at_the_reference_where_all_is_worth_the_same(toy) -> None:
    reference, rewards = toy
    torch.testing.assert_close(grpo_rest(reference, 0 * rewards, beta=0.5), reference)


def test_bad_numbers_are_refused(toy) -> None:
    with pytest.raises(ValueError, match="beta must be above 0"):
        optimum(*toy, beta=0)
    with pytest.raises(ValueError, match="beta must be above 0"):
        grpo_rest(*toy, beta=-1.0)
    with pytest.raises(ValueError, match="n must be at least 1"):
        best_of(*toy, n=0)


def test_a_real_model_s_table_holds_its_probabilities() -> None:
    model, tokenizer = load_checkpoint("src/insidegpt/checkpoints/mini")
    world = build_world(0)
    talk = write_questions(world, world.subjects[:1])[0]
    question = enumerate_answers(talk, Gold())
    assert len(set(question.texts)) == len(question.texts)
    assert question.rewards.max() == 1
    assert (question.rewards == 1).sum() == 1  # one value, in one manner
    (table,) = answer_table(model, tokenizer, [question])
    assert len(table) == len(question.texts)
    assert 0 < table.exp().sum() < 1
