"""Permuting candidates or splitting shards changes no decision."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from rsft.types import Scored
from tests.filter.cases import (
    budgeted,
    candidate,
    decided,
    global_quantile,
    known,
    per_prompt_maximum,
    pilot,
)

RULES: list[dict[str, Any]] = [
    {"rule": "coin", "bound": per_prompt_maximum(0.0)},
    {"rule": "coin", "bound": pilot(1, 0.0)},
    {"rule": "soft", "bound": global_quantile(0.8)},
    {"rule": "threshold", "threshold": 0.3, "bound": budgeted(0.4)},
    {"rule": "threshold", "threshold": 0.5, "threshold_on": "reward"},
    {"rule": "best_of_n"},
    {"rule": "top_n", "n": 2},
    {"rule": "top_fraction", "fraction": 0.3},
    {"rule": "top_fraction", "fraction": 0.3, "within": "prompt"},
    {"rule": "rso", "n": 1, "beta": 0.4},
]
TARGETS: list[dict[str, Any]] = [
    {"target": "indicator", "base_measure": "uniform"},
    {"target": "tilt", "base_measure": "reference", "beta": 0.4, "temper": 0.5},
    {"target": "density", "base_measure": "density"},
]
THINNINGS: list[dict[str, Any]] = [
    {"max_per_prompt": 2, "deduplicate": True},
    {"max_per_prompt": 2, "near_duplicates": 0.6, "quota": "difficulty"},
    {"max_per_prompt": 1, "distinct_paths": True},
]


@st.composite
def rounds(draw: st.DrawFn) -> list[Scored]:
    """Up to four prompts with up to six draws each, of every kind."""
    log_prob = st.floats(-40, 0)
    return [
        candidate(
            number,
            prompt_id=f"p{prompt}",
            text=draw(st.sampled_from(["a", "b", "1 + 1 = 2", "so 1+1 = 2", "2 + 2 = 4 and on"])),
            proposal_logprob=draw(log_prob),
            reference_logprob=draw(log_prob),
            reward=draw(st.sampled_from([0.0, 0.5, 1.0, 1.0, None])),
            finish_reason=draw(st.sampled_from(["stop", "stop", "stop", "length"])),
            reward_breakdown={"target_model": draw(log_prob)},
        )
        for prompt in range(draw(st.integers(1, 4)))
        for number in range(draw(st.integers(1, 6)))
    ]


@pytest.mark.parametrize("thinning", THINNINGS, ids=str)
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target["target"])
@pytest.mark.parametrize("rule", RULES, ids=str)
@given(rows=rounds(), data=st.data())
@hypothesis_settings(max_examples=10, deadline=None)
def test_no_decision_depends_on_order_or_parts(rule, target, thinning, rows, data):
    values = {"bound": known(0.0), **target, **thinning, **rule}
    shuffled = data.draw(st.permutations(rows))
    parts = data.draw(st.integers(1, 3))
    in_order = {(row.prompt_id, row.draw): row for row in decided(rows, seed=3, **values)}
    elsewhere = decided(shuffled, seed=3, parts=parts, **values)
    assert {(row.prompt_id, row.draw): row for row in elsewhere} == in_order


@given(rows=rounds())
@hypothesis_settings(max_examples=50, deadline=None)
def test_one_prompt_is_decided_as_among_others(rows):
    """Where the bound is the prompt's own."""
    values = {
        "base_measure": "uniform",
        "bound": per_prompt_maximum(0.0),
        "deduplicate": True,
        "max_per_prompt": 2,
    }
    alone = [row for row in rows if row.prompt_id == "p0"]
    among = [row for row in decided(rows, **values) if row.prompt_id == "p0"]
    assert decided(alone, **values) == among


def test_other_seeds_and_rounds_toss_other_coins():
    rows = [replace(candidate(draw), proposal_logprob=-1.0) for draw in range(200)]
    values = {"bound": known(0.7)}
    kept = [
        tuple(row.is_accepted for row in decided(rows, seed=seed, round_number=number, **values))
        for seed, number in [(0, 1), (1, 1), (0, 2)]
    ]
    assert len(set(kept)) == 3
