import math

import numpy as np
import pytest

from rsft.filter.target import log_ratio, log_target
from tests.filter.cases import settings

RIGHT, WRONG, CUT, UNKNOWN = range(4)
REWARD_N = np.array([1.0, 0.0, 1.0, np.nan])
IS_FINISHED_N = np.array([True, True, False, True])
PROPOSAL_N = np.array([-1.0, -2.0, -3.0, -4.0])


def target(**values) -> list[float]:
    return log_target(REWARD_N, IS_FINISHED_N, PROPOSAL_N, settings(**values)).tolist()


def ratio(**values) -> list[float]:
    section = settings(**values)
    target_N = log_target(REWARD_N, IS_FINISHED_N, PROPOSAL_N, section)
    return log_ratio(target_N, REWARD_N, PROPOSAL_N, section).tolist()


def test_uniform_correct_gives_every_right_completion_the_same():
    assert target(target="uniform_correct") == [0.0, -math.inf, -math.inf, -math.inf]


def test_policy_correct_gives_a_right_completion_its_own_probability():
    assert target(target="policy_correct") == [-1.0, -math.inf, -math.inf, -math.inf]


def test_tilt_adds_reward_over_beta_and_keeps_wrong_completions():
    assert target(target="tilt", beta=0.5) == [-1.0 + 2.0, -2.0, -math.inf, -math.inf]


def test_the_ratio_of_uniform_correct_is_one_over_the_proposal():
    assert ratio(target="uniform_correct")[RIGHT] == 1.0


def test_the_ratio_of_policy_correct_is_one():
    assert ratio(target="policy_correct")[RIGHT] == 0.0


def test_the_ratio_of_a_tilt_is_free_of_the_proposal():
    assert ratio(target="tilt", beta=0.5)[:CUT] == [2.0, 0.0]


@pytest.mark.parametrize("name", ["uniform_correct", "policy_correct", "tilt"])
def test_outside_the_support_the_ratio_is_zero(name):
    assert ratio(target=name, beta=0.5)[CUT:] == [-math.inf, -math.inf]


@pytest.mark.parametrize(("least", "is_right"), [(0.4, True), (0.5, True), (0.6, False)])
def test_the_correct_reward_is_inclusive(least, is_right):
    section = settings(target="uniform_correct", correct_reward=least)
    target_N = log_target(np.array([0.5]), np.array([True]), np.array([-1.0]), section)
    assert (target_N[0] == 0.0) == is_right


def test_equal_rewards_have_equal_ratios_however_unlikely_the_completions():
    """As a difference of two log-probabilities the ratio would carry their rounding."""
    proposal_N = -np.linspace(0.1, 1000, 999)
    reward_N, is_finished_N = np.ones(999), np.ones(999, bool)
    section = settings(target="tilt", beta=0.3)
    target_N = log_target(reward_N, is_finished_N, proposal_N, section)
    assert set(log_ratio(target_N, reward_N, proposal_N, section).tolist()) == {1 / 0.3}
