"""The rules that rank rewards, and what a tilt becomes at its ends."""

import math
from collections import Counter

import pytest
from scipy import stats

from rsft.config import FilterSection
from rsft.errors import AcceptanceError
from tests.filter.cases import accepted, candidate, decided, per_prompt_maximum, reasons

TILT = {"target": "tilt", "beta": 1.0}
"""Keeps wrong completions in the support."""


def rewarded(*rewards: float | None, prompt_id: str = "p") -> list:
    return [
        candidate(draw, prompt_id=prompt_id, reward=reward) for draw, reward in enumerate(rewards)
    ]


TWO = rewarded(0.1, 0.9, 0.5) + rewarded(0.6, 0.8, prompt_id="q")


def kept(rows, **values) -> list[tuple[str, int]]:
    return sorted(
        (row.prompt_id, row.draw) for row in decided(rows, **TILT, **values) if row.is_accepted
    )


def test_best_of_n_keeps_the_best_of_each_prompt():
    assert kept(TWO, rule="best_of_n") == [("p", 1), ("q", 1)]


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (1, [("p", 1), ("q", 1)]),
        (2, [("p", 1), ("p", 2), ("q", 0), ("q", 1)]),
        (9, [("p", 0), ("p", 1), ("p", 2), ("q", 0), ("q", 1)]),
    ],
)
def test_top_n_keeps_exactly_n_of_each_prompt_or_all(n, expected):
    """Not n + 1, as DART's > for >= did."""
    assert kept(TWO, rule="top_n", n=n) == expected


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [
        (0.2, [("p", 1)]),
        (0.4, [("p", 1), ("q", 1)]),
        (0.41, [("p", 1), ("q", 0), ("q", 1)]),
        (1.0, [("p", 0), ("p", 1), ("p", 2), ("q", 0), ("q", 1)]),
    ],
)
def test_top_fraction_ranks_a_whole_round(fraction, expected):
    assert kept(TWO, rule="top_fraction", fraction=fraction) == expected


def test_top_fraction_within_each_prompt():
    rows = kept(TWO, rule="top_fraction", fraction=0.5, within="prompt")
    assert rows == [("p", 1), ("p", 2), ("q", 1)]


def test_a_tenth_of_thirty_is_three():
    """0.1 · 30 is 3.0000000000000004 in floats."""
    rows = rewarded(*(draw / 30 for draw in range(30)))
    assert len(accepted(rows, **TILT, rule="top_fraction", fraction=0.1)) == 3


@pytest.mark.parametrize("rule", [{"rule": "best_of_n"}, {"rule": "top_n", "n": 3}])
def test_ranks_are_given_within_the_support(rule):
    """Neither a prefix nor what could not be judged is the best, nor what is wrong."""
    rows = [
        candidate(0, reward=9.0, finish_reason="length"),
        candidate(1, reward=None),
        candidate(2, reward=0.5),
    ]
    assert accepted(rows, **rule, **TILT) == [2]
    assert accepted(rows, **rule, target="indicator") == []


def test_what_others_beat_is_outranked_and_weighs_nothing():
    rows = decided(rewarded(0.2, 0.7), **TILT, rule="best_of_n")
    assert [(row.reason, row.weight) for row in rows] == [("outranked", 0.0), ("accepted", 1.0)]
    unused = [(row.log_target, row.log_bound, row.log_accept_ratio) for row in rows]
    assert unused == [(None, None, None)] * 2
    assert {(row.accept_prob, row.coin) for row in rows} == {(None, None)}


def test_all_rewards_equal_any_draw_may_be_the_best():
    """max() of copies falls on the first one. False alarm: 1e-3; the seed is fixed."""
    rows = [row for p in range(600) for row in rewarded(1.0, 1.0, 1.0, 1.0, prompt_id=str(p))]
    best = Counter(row.draw for row in decided(rows, rule="best_of_n") if row.is_accepted)
    assert best.total() == 600
    assert stats.chisquare([best[draw] for draw in range(4)]).pvalue > 1e-3


def test_a_threshold_on_the_reward_is_inclusive_and_needs_no_bound():
    rows = decided(
        rewarded(0.4, 0.5, 0.6), **TILT, rule="threshold", threshold=0.5, threshold_on="reward"
    )
    assert [row.reason for row in rows] == ["threshold", "accepted", "accepted"]
    assert [row.weight for row in rows] == [0.0, 1.0, 1.0]
    assert {(row.accept_prob, row.log_bound) for row in rows} == {(None, None)}


def test_a_threshold_on_the_reward_may_be_any_number():
    rows = rewarded(-3.5, -1.0, 2.5)
    given = {"rule": "threshold", "threshold_on": "reward", **TILT}
    assert accepted(rows, threshold=-1.0, **given) == [1, 2]
    with pytest.raises(ValueError, match=r"lies in \[0, 1\]; to hold it against the reward"):
        accepted(rows, threshold=-1.0, **(given | {"threshold_on": "accept_prob"}))


def test_soft_weights_keep_all_and_weigh_by_the_accept_probability():
    rows = decided(rewarded(0.0, 1.0), **TILT, rule="soft", bound=per_prompt_maximum(0.0))
    assert [row.weight for row in rows] == pytest.approx([math.exp(-1), 1.0])
    assert [row.is_accepted for row in rows] == [True, True]


@pytest.mark.parametrize("rule", [{"rule": "soft"}, {"rule": "threshold", "threshold": 0.0}])
def test_a_weight_that_underflows_is_no_row(rule):
    values = {"target": "tilt", "beta": 1e-4, "bound": per_prompt_maximum(0.0), **rule}
    assert reasons(rewarded(0.0, 1.0), **values) == ["no_mass", "accepted"]


@pytest.mark.parametrize("rule", ["coin", "soft"])
def test_a_tilt_towards_beta_0_with_prompt_maxima_is_best_of_n(rule):
    bound = per_prompt_maximum(-1e9)
    rows = decided(TWO, rule=rule, target="tilt", beta=1e-6, bound=bound)
    assert [row.draw for row in rows if row.is_accepted] == [1, 1]
    best = decided(TWO, **TILT, rule="best_of_n")
    assert [row.is_accepted for row in rows] == [row.is_accepted for row in best]


@pytest.mark.parametrize("rule", ["coin", "soft"])
def test_a_tilt_towards_infinite_beta_accepts_all(rule):
    rows = decided(TWO, rule=rule, target="tilt", beta=1e12, bound=per_prompt_maximum(-1e9))
    assert all(row.is_accepted for row in rows)


@pytest.mark.parametrize("beta", [0.0, -1.0, math.inf, math.nan])
def test_beta_must_be_a_positive_number(beta):
    with pytest.raises(ValueError, match="beta"):
        FilterSection(
            rule="coin",
            target="tilt",
            base_measure="proposal",
            beta=beta,
            correct_reward=1.0,
            bound={"method": "known", "log_bound": 0.0},
            max_per_prompt=None,
        )


@pytest.mark.parametrize(
    "rule",
    [
        {"rule": "coin"},
        {"rule": "soft"},
        {"rule": "threshold", "threshold": 1.0},
        {"rule": "best_of_n"},
        {"rule": "top_n", "n": 3},
        {"rule": "top_fraction", "fraction": 0.01},
        {"rule": "rso", "n": 1, "beta": 0.1},
    ],
    ids=lambda rule: rule["rule"],
)
def test_one_candidate_is_decided_and_none_is_no_error(rule):
    values = {**TILT, "bound": per_prompt_maximum(0.0), "max_per_prompt": 1, **rule}
    assert reasons([candidate(reward=0.0)], **values) == ["accepted"]
    assert reasons([], **values) == []


def test_rso_refuses_more_than_were_drawn():
    rows = rewarded(0.1, 0.2, 0.3) + rewarded(0.5, 0.6, prompt_id="few")
    with pytest.raises(AcceptanceError) as caught:
        decided(rows, rule="rso", n=3, **TILT)
    assert str(caught.value).startswith("filter.n = 3: prompt 'few' has only 2 candidates")


def test_rso_takes_what_the_support_leaves():
    rows = [*rewarded(0.1, 0.2), candidate(2, finish_reason="length"), candidate(3, reward=None)]
    assert accepted(rows, rule="rso", n=3, **TILT) == [0, 1]
