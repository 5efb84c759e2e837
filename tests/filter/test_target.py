import math

import numpy as np
import pytest

from rsft.errors import AcceptanceError
from rsft.filter.target import in_support, log_ratio, log_target
from tests.filter.cases import candidate, columns, decided, settings

RIGHT, WRONG, CUT, UNKNOWN = range(4)
ROWS = [
    candidate(RIGHT, proposal_logprob=-1.0, reference_logprob=-1.25),
    candidate(WRONG, proposal_logprob=-2.0, reference_logprob=-1.0, reward=0.0),
    candidate(CUT, proposal_logprob=-3.0, reference_logprob=-3.0, finish_reason="length"),
    candidate(UNKNOWN, proposal_logprob=-4.0, reference_logprob=-4.0, reward=None),
]
DENSITY = [
    candidate(0, proposal_logprob=-1.0, reward_breakdown={"target_model": -3.0}),
    candidate(1, proposal_logprob=-2.0, reward_breakdown={"target_model": -0.5}, reward=0.0),
    candidate(2, proposal_logprob=-2.0, reward_breakdown={}),
]
NO = -math.inf


def values(of, rows, section) -> list[float]:
    candidates = columns(rows, section)
    return of(candidates, section, in_support(candidates, section)).tolist()


def target(rows=ROWS, **given) -> list[float]:
    return values(log_target, rows, settings(**given))


def ratio(rows=ROWS, **given) -> list[float]:
    return values(log_ratio, rows, settings(**given))


@pytest.mark.parametrize(
    ("given", "log_p"),
    [
        ({"base_measure": "uniform"}, [0.0, NO]),
        ({"base_measure": "proposal"}, [-1.0, NO]),
        ({"base_measure": "reference"}, [-1.25, NO]),
        ({"base_measure": "uniform", "target": "tilt", "beta": 0.5}, [2.0, 0.0]),
        ({"base_measure": "proposal", "target": "tilt", "beta": 0.5}, [1.0, -2.0]),
        ({"base_measure": "reference", "target": "tilt", "beta": 0.5}, [0.75, -1.0]),
    ],
)
def test_the_target_is_base_measure_times_factor(given, log_p):
    """And nothing outside the support: a prefix, and what no reward could judge."""
    assert target(**given) == [*log_p, NO, NO]


@pytest.mark.parametrize(
    ("given", "log_w"),
    [
        ({"base_measure": "uniform"}, [1.0, NO]),
        ({"base_measure": "proposal"}, [0.0, NO]),
        ({"base_measure": "reference"}, [-0.25, NO]),
        ({"base_measure": "uniform", "target": "tilt", "beta": 0.5}, [3.0, 2.0]),
        ({"base_measure": "proposal", "target": "tilt", "beta": 0.5}, [2.0, 0.0]),
        ({"base_measure": "reference", "target": "tilt", "beta": 0.5}, [1.75, 1.0]),
    ],
)
def test_the_ratio_is_the_target_over_the_proposal(given, log_w):
    assert ratio(**given) == [*log_w, NO, NO]


def test_the_density_is_the_first_statement():
    """A = P/M, whatever the reward; without log P a candidate is unscorable."""
    given = {"target": "density", "base_measure": "density"}
    assert ratio(DENSITY, **given) == [-2.0, 1.5, NO]
    assert target(DENSITY, **given) == [-3.0, -0.5, NO]
    rows = decided(DENSITY, **given)
    assert [row.accept_prob for row in rows] == [pytest.approx(math.exp(-2)), 1.0, None]
    assert rows[2].reason == "unscorable"


def test_a_density_may_come_from_a_function_of_your_own():
    row = candidate(proposal_logprob=-2.0, reward_breakdown={"my.module:log_p": -1.0})
    given = {"target": "density", "base_measure": "density", "density": "my.module:log_p"}
    assert ratio([row], **given) == [1.0]


def test_a_density_restricted_to_right_completions():
    assert ratio(DENSITY, target="indicator", base_measure="density") == [-2.0, NO, NO]


def test_tempering_raises_the_ratio_to_a_power():
    assert ratio(base_measure="uniform", temper=0.25)[RIGHT] == 0.25
    assert target(base_measure="uniform", temper=0.25)[RIGHT] == 0.0


def test_in_the_first_round_a_tilt_of_the_reference_is_free_of_m():
    """π_ref is M there, to the last bit, so that equal rewards have equal ratios."""
    random = np.random.default_rng(0)
    rows = [
        candidate(draw, proposal_logprob=logprob, reference_logprob=logprob)
        for draw, logprob in enumerate((-30 * random.random(100)).tolist())
    ]
    assert set(ratio(rows, target="tilt", base_measure="reference", beta=0.3)) == {1 / 0.3}


@pytest.mark.parametrize(
    ("given", "missing", "message"),
    [
        (
            {"base_measure": "uniform"},
            "proposal_logprob",
            "needs log M, and draw 1 of prompt 'p' has none: ",
        ),
        (
            {"base_measure": "reference"},
            "proposal_logprob",
            "needs log M, and draw 1 of prompt 'p' has none: ",
        ),
        ({"base_measure": "reference"}, "reference_logprob", "needs log π_ref, and draw 1 of"),
    ],
)
def test_a_ratio_with_an_unknown_part_is_refused(given, missing, message):
    known = candidate(0, proposal_logprob=-1.0, reference_logprob=-1.0)
    unknown = candidate(1, **{"proposal_logprob": -1.0, "reference_logprob": -1.0, missing: None})
    with pytest.raises(AcceptanceError, match=message) as caught:
        ratio([known, unknown], **given)
    assert "set filter.base_measure to 'proposal'" in str(caught.value)


def test_what_lies_outside_the_support_may_lack_its_log_probability():
    rows = [candidate(0), candidate(1, proposal_logprob=None, reward=0.0)]
    assert ratio(rows, base_measure="uniform") == [1.0, NO]


def test_the_proposal_as_base_measure_needs_no_log_probability():
    assert ratio([candidate(proposal_logprob=None)]) == [0.0]
    (row,) = decided([candidate(proposal_logprob=None)])
    assert (row.log_target, row.accept_prob, row.is_accepted) == (None, 1.0, True)


def test_a_beta_too_small_for_the_rewards_is_refused():
    """1/β is infinite, and ∞ − ∞ would be a ratio that no coin is held against."""
    with pytest.raises(
        AcceptanceError, match=r"filter\.beta = 1e-310: reward/beta of a reward of 1"
    ):
        decided(ROWS, target="tilt", beta=1e-310)
    assert decided(ROWS, target="tilt", beta=1e-300)[RIGHT].is_accepted
