import dataclasses
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from scipy import stats

from rsft.types import Scored
from tests.filter.cases import (
    budgeted,
    candidate,
    decided,
    known,
    per_prompt_maximum,
    reasons,
)

PROPOSAL = {"a": 0.4, "b": 0.2, "c": 0.1, "d": 0.05, "wrong": 0.2, "cut": 0.05}
REWARD = {"a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0, "wrong": 0.25, "cut": 1.0}
REFERENCE = {"a": 0.3, "b": 0.1, "c": 0.2, "d": 0.1, "wrong": 0.2, "cut": 0.1}
DENSITY = {"a": 0.1, "b": 0.3, "c": 0.2, "d": 0.1, "wrong": 0.1, "cut": 0.2}
FINISHED = ("a", "b", "c", "d", "wrong")
TARGETS = {
    "uniform": {"a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0},
    "proposal": {text: PROPOSAL[text] for text in "abcd"},
    "tilt": {text: PROPOSAL[text] * math.exp(REWARD[text] / 0.5) for text in FINISHED},
    "reference tilt": {text: REFERENCE[text] * math.exp(REWARD[text] / 0.5) for text in FINISHED},
    "density": {text: DENSITY[text] for text in FINISHED},
    "tempered density": {
        text: math.sqrt(DENSITY[text] * PROPOSAL[text]) for text in ("a", "b", "c", "d", "wrong")
    },
}
"""Unnormalised, worked out apart from the code: the tilt has beta 0.5."""
SUPREMUM = {
    "uniform": 1 / 0.05,
    "proposal": 1.0,
    "tilt": math.exp(2),
    "reference tilt": 2 * math.exp(2),
    "density": 2.0,
    "tempered density": math.sqrt(2),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "uniform": {"base_measure": "uniform"},
    "proposal": {"base_measure": "proposal"},
    "tilt": {"target": "tilt", "beta": 0.5},
    "reference tilt": {"target": "tilt", "base_measure": "reference", "beta": 0.5},
    "density": {"target": "density", "base_measure": "density"},
    "tempered density": {"target": "density", "base_measure": "density", "temper": 0.5},
}
DRAWS = 10_000


def completion(text: str, draw: int) -> Scored:
    return candidate(
        draw,
        text=text,
        reward=REWARD[text],
        finish_reason="length" if text == "cut" else "stop",
        proposal_logprob=math.log(PROPOSAL[text]),
        reference_logprob=math.log(REFERENCE[text]),
        reward_breakdown={"target_model": math.log(DENSITY[text])},
    )


@pytest.fixture(scope="module")
def drawn() -> list[Scored]:
    """Independent draws from the proposal."""
    texts = list(PROPOSAL)
    picked = np.random.default_rng(0).choice(len(texts), DRAWS, p=list(PROPOSAL.values()))
    return [completion(texts[index], draw) for draw, index in enumerate(picked.tolist())]


def accepted_texts(drawn: list[Scored], target: str, c: float) -> Counter[str]:
    rows = decided(drawn, **SETTINGS[target], bound=known(math.log(c)))
    return Counter(row.text for row in rows if row.is_accepted)


def p_value(counts: Counter[str], law: dict[str, float]) -> float:
    """Chi-square of counts against an unnormalised law; whatever lies outside it is impossible."""
    assert counts.keys() <= law.keys()
    expected = np.array(list(law.values())) * counts.total() / sum(law.values())
    return stats.chisquare([counts[text] for text in law], expected).pvalue


@pytest.mark.parametrize("slack", [1, 3], ids=["c = sup", "c = 3 sup"])
@pytest.mark.parametrize("target", TARGETS)
def test_the_accepted_follow_the_target_at_the_rate_z_over_c(drawn, target, slack):
    """False alarm: two p-values below 5e-4 each, one in a thousand per case; the seed is fixed."""
    law, c = TARGETS[target], slack * SUPREMUM[target]
    counts = accepted_texts(drawn, target, c)
    assert p_value(counts, law) > 5e-4
    rate = sum(law.values()) / c
    assert stats.binomtest(counts.total(), DRAWS, rate).pvalue > 5e-4


def test_below_the_supremum_the_accepted_follow_the_clipped_law(drawn):
    """At c = 5 the ratios 10 of c and 20 of d are clipped: M·min(w, c), which is not the target.

    False alarm: a p-value below 5e-4; the seed is fixed.
    """
    counts = accepted_texts(drawn, "uniform", 5)
    assert p_value(counts, {"a": 1.0, "b": 1.0, "c": 0.5, "d": 0.25}) > 5e-4
    assert p_value(counts, TARGETS["uniform"]) < 1e-12


@pytest.mark.parametrize(("c", "rate"), [(0.5, 0.9995), (1, 0.8768), (2, 0.4982)])
def test_poisson_11_from_poisson_10(c, rate):
    """A tilt by the count, exp(k log 1.1) = e · P(11)/P(10), against the known acceptance rates."""
    logprob_K = stats.poisson(10).logpmf(np.arange(100))
    rows = decided(
        [candidate(k, reward=float(k), proposal_logprob=logprob_K[k]) for k in range(100)],
        target="tilt",
        beta=1 / math.log(1.1),
        bound=known(math.log(c) + 1),
    )
    mean = sum(math.exp(row.proposal_logprob) * row.accept_prob for row in rows)
    assert mean == pytest.approx(rate, abs=5e-5)


def test_every_number_of_a_decision():
    (row,) = decided(
        [candidate(proposal_logprob=math.log(0.5))],
        base_measure="uniform",
        rule="threshold",
        threshold=0.1,
        bound=known(math.log(4)),
    )
    assert row.log_target == 0.0
    assert row.log_bound == pytest.approx(math.log(4))
    assert row.log_accept_ratio == pytest.approx(math.log(0.5))
    assert row.accept_prob == pytest.approx(0.5)
    assert row.coin is None
    assert row.weight == row.accept_prob


def test_a_ratio_above_the_bound_is_recorded_unclipped():
    (row,) = decided([candidate(proposal_logprob=-3.0)], base_measure="uniform")
    assert (row.log_accept_ratio, row.accept_prob) == (3.0, 1.0)


def test_outside_the_support_there_is_no_ratio():
    (row,) = decided([candidate(reward=0.0)])
    assert (row.log_target, row.log_accept_ratio) == (None, None)
    assert (row.accept_prob, row.weight) == (0.0, 0.0)


def test_what_is_known_of_a_candidate_is_carried_along_in_the_order_given():
    scored = [candidate(3, reward=0.0, outcome=None), candidate(1), candidate(2, reward=None)]
    names = [field.name for field in dataclasses.fields(Scored)]
    carried = [{name: getattr(row, name) for name in names} for row in decided(scored)]
    assert carried == [dataclasses.asdict(row) for row in scored]


def test_no_candidates_need_no_decision():
    assert decided([], max_per_prompt=1, deduplicate=True) == []


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "accepted"),
        ({"reward": None}, "unscorable"),
        ({"reward": None, "finish_reason": "length"}, "unscorable"),
        ({"finish_reason": "length"}, "truncated"),
        ({"finish_reason": "length", "reward": 0.0}, "truncated"),
        ({"reward": 0.99}, "wrong"),
    ],
)
def test_reasons_of_a_single_candidate(values, reason):
    (row,) = decided([candidate(**values)])
    assert (row.reason, row.is_accepted) == (reason, reason == "accepted")


@pytest.mark.parametrize("rule", ["coin", "threshold"])
@pytest.mark.parametrize("target", TARGETS)
def test_a_truncated_completion_is_never_accepted(target, rule):
    rows = [candidate(draw, finish_reason="length") for draw in range(50)]
    kept = reasons(rows, **SETTINGS[target], rule=rule, threshold=0.0, bound=known(-9.0))
    assert set(kept) == {"truncated"}


@pytest.mark.parametrize("target", TARGETS)
def test_an_unknown_reward_is_not_a_reward_of_0(target):
    rows = [candidate(0, reward=0.0), candidate(1, reward=None)]
    assert reasons(rows, **SETTINGS[target], correct_reward=0.0, bound=known(-9.0)) == [
        "accepted",
        "unscorable",
    ]


def test_the_policy_given_that_it_is_right_is_accepted_for_certain():
    rows = decided([candidate(d, proposal_logprob=-10.0 * d) for d in range(100)])
    assert {(row.accept_prob, row.reason, row.weight) for row in rows} == {(1.0, "accepted", 1.0)}


def test_what_is_unscorable_has_no_accept_probability():
    """Not 0, which it has where the target does not want it."""
    rows = decided([candidate(0, reward=None), candidate(1, reward=0.0)])
    assert [row.accept_prob for row in rows] == [None, 0.0]
    assert [row.weight for row in rows] == [0.0, 0.0]


def test_a_coin_decides_against_the_accept_probability_and_leaves_no_weight_to_it():
    rows = decided([candidate(draw) for draw in range(400)], bound=known(math.log(2)))
    assert {row.accept_prob for row in rows} == {0.5}
    assert {row.reason for row in rows if row.coin < 0.5} == {"accepted"}
    assert {row.reason for row in rows if row.coin >= 0.5} == {"coin"}
    assert {(row.is_accepted, row.weight) for row in rows} == {(True, 1.0), (False, 0.0)}


def test_an_accept_probability_of_0_meets_no_coin():
    assert set(reasons([candidate(d) for d in range(200)], bound=known(1000.0))) == {"coin"}


def test_coins_are_uniform():
    """False alarm: a p-value below 1e-3; the seed is fixed."""
    coins = [row.coin for row in decided([candidate(draw) for draw in range(2000)])]
    assert stats.kstest(coins, "uniform").pvalue > 1e-3


def test_seed_round_prompt_and_draw_each_give_another_coin():
    scored = [candidate(0), candidate(1), candidate(0, prompt_id="q")]
    coins = {
        row.coin
        for seed, round_number in [(0, 1), (0, 2), (1, 1)]
        for row in decided(scored, seed=seed, round_number=round_number)
    }
    assert len(coins) == 9


def test_a_coin_does_not_depend_on_what_else_is_decided():
    among_others = decided([candidate(draw) for draw in range(5)])[3]
    assert among_others == decided([candidate(3)])[0]


@pytest.mark.parametrize(
    ("threshold", "reason", "weight"),
    [(0.25, "accepted", 0.5), (0.5, "accepted", 0.5), (math.nextafter(0.5, 1), "threshold", 0.0)],
)
def test_a_threshold_is_inclusive_and_weighs_by_the_accept_probability(threshold, reason, weight):
    (row,) = decided([candidate()], rule="threshold", threshold=threshold, bound=known(math.log(2)))
    assert (row.accept_prob, row.reason, row.weight, row.coin) == (0.5, reason, weight, None)


@pytest.mark.parametrize("bound", [known(1 / 0.3), per_prompt_maximum(0.0)])
def test_the_best_reward_meets_a_threshold_of_1_however_unlikely_the_completion(bound):
    rows = [candidate(draw, proposal_logprob=-0.7 * draw) for draw in range(100)]
    kept = reasons(rows, target="tilt", beta=0.3, bound=bound, rule="threshold", threshold=1.0)
    assert set(kept) == {"accepted"}


def test_of_equal_completions_the_first_draw_stays():
    rows = [candidate(2, text="x"), candidate(0, text="x"), candidate(1, text="x"), candidate(3)]
    kept = ["duplicate", "accepted", "duplicate", "accepted"]
    assert reasons(rows, deduplicate=True) == kept


def test_equal_completions_of_two_prompts_are_no_duplicates():
    rows = [candidate(text="x"), candidate(text="x", prompt_id="q")]
    assert reasons(rows, deduplicate=True) == ["accepted", "accepted"]


def test_only_what_the_rule_accepted_makes_a_duplicate():
    rows = [candidate(draw, text="x") for draw in range(200)]
    kept = reasons(rows, deduplicate=True, bound=known(math.log(20)))
    assert kept.index("accepted") == min(kept.index("accepted"), kept.index("duplicate"))
    assert Counter(kept)["accepted"] == 1
    assert kept.index("accepted") > 0  # draws before it lost their coin


def test_de_duplication_loses_no_candidate():
    rows = [candidate(draw, text="x") for draw in range(4)] * 2
    assert len(decided(rows, deduplicate=True)) == 8


def test_without_de_duplication_copies_stay():
    assert reasons([candidate(0, text="x"), candidate(1, text="x")]) == ["accepted", "accepted"]


@pytest.mark.parametrize(("rows", "accepted"), [(1, 1), (2, 2), (3, 3), (4, 3), (9, 3)])
def test_a_cap_keeps_exactly_so_many(rows, accepted):
    kept = Counter(reasons([candidate(draw) for draw in range(rows)], max_per_prompt=3))
    assert kept == Counter(accepted=accepted, capped=rows - accepted)


def test_a_cap_counts_per_prompt():
    rows = [candidate(draw, prompt_id=prompt) for prompt in "pq" for draw in range(5)]
    kept = [row.prompt_id for row in decided(rows, max_per_prompt=2) if row.is_accepted]
    assert sorted(kept) == ["p", "p", "q", "q"]


def test_duplicates_and_wrong_ones_take_no_place_under_a_cap():
    rows = [candidate(0, text="x"), candidate(1, text="x"), candidate(2, reward=0.0), candidate(3)]
    assert reasons(rows, deduplicate=True, max_per_prompt=2) == [
        "accepted",
        "duplicate",
        "wrong",
        "accepted",
    ]


def test_every_draw_is_as_likely_to_stay_under_a_cap():
    """False alarm: a chi-square p-value below 1e-3; the seed is fixed."""
    rows = [candidate(draw, prompt_id=str(p)) for p in range(600) for draw in range(4)]
    kept = Counter(row.draw for row in decided(rows, max_per_prompt=1) if row.is_accepted)
    assert kept.total() == 600
    assert stats.chisquare([kept[draw] for draw in range(4)]).pvalue > 1e-3


@pytest.mark.parametrize("rule", ["coin", "threshold"])
@pytest.mark.parametrize("bound", [known(2.0), per_prompt_maximum(0.0), budgeted(0.4)])
def test_decisions_do_not_depend_on_the_order(bound, rule):
    random = np.random.default_rng(0)
    rows = [
        candidate(
            draw,
            prompt_id=prompt,
            text=str(random.integers(8)),
            proposal_logprob=-3 * random.random(),
            reward=float(random.integers(2)),
        )
        for prompt in "pqrst"
        for draw in range(40)
    ]
    values = {
        "base_measure": "uniform",
        "bound": bound,
        "rule": rule,
        "threshold": 0.2,
        "deduplicate": True,
        "max_per_prompt": 2,
    }
    in_order = decided(rows, **values)
    left_out = "coin" if rule == "coin" else "threshold"
    assert {row.reason for row in in_order} == {
        "accepted",
        "capped",
        "duplicate",
        "wrong",
        left_out,
    }
    shuffled = decided([rows[i] for i in random.permutation(len(rows))], **values)
    assert sorted(shuffled, key=lambda row: (row.prompt_id, row.draw)) == in_order
