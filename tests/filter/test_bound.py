import math

import numpy as np
import pytest
from scipy import stats

from rsft.filter.bound import log_bound
from tests.filter.cases import (
    budgeted,
    candidate,
    decided,
    figures,
    global_quantile,
    known,
    per_prompt_maximum,
    pilot,
    ratios,
)

NO_SUPPORT = -math.inf


def bound(log_ratios, section, prompts=None) -> list[float]:
    """log c of each candidate's prompt."""
    candidates = ratios(log_ratios, prompts)
    return log_bound(np.array(log_ratios, float), candidates, section)[candidates.prompt_N].tolist()


def accept_prob(log_ratio_N: np.ndarray, section) -> np.ndarray:
    return np.exp(np.minimum(0, log_ratio_N - bound(log_ratio_N, section)))


def test_a_known_bound_is_taken_as_it_is():
    assert bound([5.0, NO_SUPPORT], known(2.5)) == [2.5, 2.5]


def test_the_maximum_is_of_the_own_prompt():
    ratios, prompts = [3.0, 1.0, 2.0, 7.0], [1, 0, 0, 1]
    assert bound(ratios, per_prompt_maximum(0.0), prompts) == [7.0, 2.0, 2.0, 7.0]


def test_the_maximum_is_at_least_the_floor():
    assert bound([1.0, 5.0, NO_SUPPORT], per_prompt_maximum(4.0), [0, 1, 2]) == [4.0, 5.0, 4.0]


def test_the_largest_ratio_of_a_prompt_is_accepted_for_certain():
    log_ratio_N = np.array([0.1, 0.7, 0.3])
    assert accept_prob(log_ratio_N, per_prompt_maximum(0.0)).argmax() == 1
    assert accept_prob(log_ratio_N, per_prompt_maximum(0.0))[1] == 1.0


def test_below_the_floor_nothing_is_accepted_for_certain():
    assert accept_prob(np.array([0.1, 0.7]), per_prompt_maximum(1.7))[1] == pytest.approx(
        math.exp(-1)
    )


@pytest.mark.parametrize(
    ("rate", "c"),
    [
        (1.0, 1),  # all are accepted: c is the least ratio
        (0.75, 2),  # (1/2 + 1)/2, the ratio of 3 is clipped
        (2 / 3, 3),  # (1/3 + 3/3)/2
        (0.5, 4),  # (1/4 + 3/4)/2
        (0.005, 400),
    ],
)
def test_budgeted_hand_worked_for_ratios_of_1_and_3(rate, c):
    assert bound([0.0, math.log(3)], budgeted(rate)) == pytest.approx([math.log(c)] * 2, abs=1e-12)


@pytest.mark.parametrize("rate", [1e-6, 0.01, 0.3, 0.9, 0.999])
@pytest.mark.parametrize(
    "log_ratios",
    [
        np.linspace(0, 12, 200) ** 2,
        [2.5, 2.5, 2.5],
        [1.0] * 50 + [9.0] * 50,
        [-1000.0, 0.0, 3000.0],
        [4.0],
    ],
    ids=["spread", "all tied", "two ties", "far apart", "one"],
)
def test_budgeted_meets_the_wanted_rate(log_ratios, rate):
    mean = accept_prob(np.array(log_ratios, float), budgeted(rate)).mean()
    assert mean == pytest.approx(rate, abs=1e-9)


@pytest.mark.parametrize("gap", [30.0, 40.0, 60.0, 1000.0])
def test_a_budget_that_the_largest_ratios_fill_is_met_whatever_the_others_are(gap):
    """Half of four is two: the others lie so far below that their share of it is rounded away."""
    log_ratio_N = np.array([-gap, -gap, 0.0, 0.0])
    found = accept_prob(log_ratio_N, budgeted(0.5))
    assert found.tolist() == pytest.approx([0, 0, 1, 1], abs=1e-9)


def test_budgeted_is_one_bound_for_all_prompts():
    assert len(set(bound([1.0, 2.0, 8.0], budgeted(0.4), [0, 1, 2]))) == 1


def test_the_budget_is_one_of_all_candidates():
    """Half of four is two: of the two in the support, with ratios 1 and 3, all of it."""
    half = [0.0, math.log(3), NO_SUPPORT, NO_SUPPORT]
    assert bound(half, budgeted(0.5))[0] == pytest.approx(0)
    assert bound(half, budgeted(0.25))[0] == pytest.approx(math.log(4))


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.25, 0.39])
def test_acceptance_meets_its_budget(rate):
    """To 1e-3 and far beyond, where 0.4 of the candidates have w > 0."""
    log_w = np.where(np.arange(1000) % 5 < 2, np.random.default_rng(0).normal(0, 9, 1000), -np.inf)
    found = np.exp(np.minimum(0, log_w - bound(log_w, budgeted(rate))))
    assert found.mean() == pytest.approx(rate, abs=1e-9)


def test_a_budget_that_cannot_be_met_takes_all_there_is_and_says_so():
    rows = [candidate(draw, reward=float(draw < 4)) for draw in range(10)]
    values = {"base_measure": "uniform", "bound": budgeted(0.5)}
    assert [row.accept_prob for row in decided(rows, **values)] == [1.0] * 4 + [0.0] * 6
    assert figures(rows, **values).bound_note == (
        "acceptance_rate = 0.5 cannot be met: only 0.4 of the candidates lie in the target's "
        "support, and all of these have A = 1"
    )
    assert figures(rows, **(values | {"bound": budgeted(0.4)})).bound_note is None


def test_budgeted_without_a_supported_candidate_is_some_finite_number():
    assert np.isfinite(bound([NO_SUPPORT, NO_SUPPORT], budgeted(0.5))).all()


def test_budgeted_does_not_depend_on_the_order():
    """To the last bit, which a sum in another order would not give."""
    random = np.random.default_rng(0)
    log_ratio_N = random.normal(0, 5, 1000)
    found = {bound(random.permutation(log_ratio_N), budgeted(0.3))[0] for _ in range(10)}
    assert len(found) == 1


def test_budgeted_finds_the_constant_of_a_known_acceptance_rate():
    """Poisson(11) from Poisson(10): 0.8768 of the draws are accepted at c = 1."""
    count_N = np.arange(60)
    times_N = np.rint(stats.poisson(10).pmf(count_N) * 100_000).astype(int)
    log_ratio_N = stats.poisson(11).logpmf(count_N) - stats.poisson(10).logpmf(count_N)
    assert bound(np.repeat(log_ratio_N, times_N), budgeted(0.8768))[0] == pytest.approx(0, abs=5e-4)


@pytest.mark.parametrize(
    ("quantile", "c"), [(1.0, 4.0), (0.5, 2.0), (0.25, 1.0), (0.125, 0.5)], ids=str
)
def test_a_quantile_is_one_bound_for_all_of_the_ratios_in_the_support(quantile, c):
    log_ratios, prompts = [0.0, 1.0, 2.0, 3.0, 4.0, NO_SUPPORT], [0, 0, 1, 1, 1, 1]
    assert bound(log_ratios, global_quantile(quantile), prompts) == [c] * 6


def test_a_pilot_finds_the_bound_and_is_spent_on_it():
    """Draws 0 and 1 of each prompt; the third, larger, is not looked at."""
    rows = [
        candidate(draw, prompt_id=prompt, proposal_logprob=-ratio)
        for prompt, of_prompt in {"p": [3.0, 5.0, 7.0], "q": [1.0, 0.5, 4.5]}.items()
        for draw, ratio in enumerate(of_prompt)
    ]
    found = decided(rows, base_measure="uniform", bound=pilot(2, 2.0))
    assert [row.log_bound for row in found] == [5.0] * 3 + [2.0] * 3
    assert [row.reason for row in found] == ["pilot", "pilot", "accepted"] * 2
    assert [row.log_accept_ratio for row in found][2::3] == [2.0, 2.5]


def test_violations_of_a_pilot_are_those_of_the_other_draws():
    rows = [candidate(draw, proposal_logprob=-ratio) for draw, ratio in enumerate([3, 2, 4, 1])]
    found = figures(rows, base_measure="uniform", bound=pilot(2, 0.0))
    assert found.bound_violation_rate == 0.5


def test_a_pilot_without_a_supported_draw_leaves_the_floor():
    assert bound([NO_SUPPORT, 7.0], pilot(1, 2.5)) == [2.5, 2.5]


@pytest.mark.parametrize(
    "section", [known(1.0), per_prompt_maximum(0.0), budgeted(0.5), global_quantile(0.9)]
)
def test_no_candidates_have_no_bounds(section):
    assert bound([], section) == []


@pytest.mark.parametrize("section", [budgeted(0.5), global_quantile(0.9)])
def test_one_candidate_is_enough(section):
    assert bound([2.0], section)[0] in (2.0, 2.0 + math.log(2))
