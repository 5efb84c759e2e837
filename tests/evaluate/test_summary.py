import json

import pytest

from rsft.evaluate import bootstrap_interval, summarise, win_rate
from rsft.types import Answer
from tests.answers import answer, sampled

BOOTSTRAP = {"resamples": 500, "confidence": 0.95, "seed": 0}


def greedy(is_correct: list[int]) -> list[Answer]:
    return [answer(number, bool(value)) for number, value in enumerate(is_correct)]


def figures(rows: list[Answer], names: tuple[str, ...] = (), **settings: int) -> dict:
    return summarise(rows, names, **{"draws": 4, "k": 2, "seeds": 1} | settings, **BOOTSTRAP)


def test_accuracy_is_resampled_by_family():
    found = figures(greedy([1, 1, 0, 0, 1, 0]))
    expected = bootstrap_interval([1, 1, 0, 0, 1, 0], list("aabbcc"), **BOOTSTRAP)
    assert (found["prompts"], found["accuracy"]) == (6, 0.5)
    assert (found["low"], found["high"]) == (expected.low, expected.high)
    assert found["low"] < 0.5 < found["high"]


def test_what_cannot_be_scored_is_counted_and_in_no_mean():
    """Taken for wrong, it would give ½ and ⅓ (several peers score a crash 0)."""
    rows = [answer(n, right) for n, right in enumerate((True, None, True, False))]
    draws = [*sampled(0, "11??"), *sampled(1, "????"), *sampled(2, "1111"), *sampled(3, "?000")]
    found = figures(rows + draws)
    assert found["accuracy"] == found["pass_at_k"] == found["reward"]["mean"]
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert (found["prompts"], found["unscorable"], found["reward"]["unscorable"]) == (4, 1, 1)
    assert (found["pass_at_k_prompts"], found["unscorable_draws"]) == (3, 2 + 4 + 0 + 1)
    assert found["draw_reward"] == pytest.approx(6 / 9)


def test_each_reward_is_a_mean_over_what_it_could_judge_of_the_greedy_answers():
    rows = [
        answer(0, True, measured={"f1": 1.0, "own.x:y": 3.0}),
        answer(1, True, measured={"f1": 0.5}),
        answer(2, None, measured={"f1": 0.0, "f1.detail": 9.0}),
        answer(0, True, seed=0, draw=0, measured={"f1": 0.25}),
    ]
    found = figures(rows, ("f1", "own.x:y", "choice"), draws=1, k=1)
    expected = bootstrap_interval([1.0, 0.5, 0.0], list("aab"), **BOOTSTRAP)
    assert list(found["measured"]) == ["f1", "own.x:y", "choice"]
    assert found["measured"]["f1"] == {
        "mean": 0.5,
        "low": expected.low,
        "high": expected.high,
        "unscorable": 0,
    }
    assert found["measured"]["own.x:y"] == {"mean": 3, "low": 3, "high": 3, "unscorable": 2}
    nothing = {"mean": None, "low": None, "high": None, "unscorable": 3}
    assert found["measured"]["choice"] == nothing


def test_draws_give_pass_and_maj_at_k_as_means_over_prompts():
    """With 1 of 4 right: pass@1 ¼, pass@2 ½, and maj@2 ¼; with 3 of 4: ¾, 1 and ¾."""
    rows = [*greedy([0, 0]), *sampled(0, "1000"), *sampled(1, "1110")]
    found = figures(rows)
    assert (found["pass_at_1"], found["pass_at_k"]) == (0.5, pytest.approx(0.75))
    assert found["maj_at_k"] == pytest.approx((0.25 + 0.75) / 2)
    assert figures(rows, k=4)["maj_at_k"] == 0.5
    assert (found["accuracy"], found["draw_reward"]) == (0.0, 0.5)
    assert (found["draws"], found["k"], found["seeds"]) == (4, 2, None)


def test_a_vote_is_for_an_outcome():
    rows = [*greedy([0]), *sampled(0, "1000", outcomes="abcd")]
    assert figures(rows, k=4)["maj_at_k"] == 0.25
    silent = [*greedy([0]), *sampled(0, "1000", outcomes="a---")]
    assert figures(silent, k=4)["maj_at_k"] == 1.0


def test_where_no_reward_reads_an_outcome_nobody_votes():
    rows = [*greedy([0]), *sampled(0, "1100", outcomes="----")]
    found = figures(rows)
    assert (found["maj_at_k"], found["pass_at_1"]) == (None, 0.5)


def test_prompts_below_k_scored_draws_are_left_out_and_counted():
    rows = [*greedy([1, 1, 1]), *sampled(0, "1000"), *sampled(1, "1???"), *sampled(2, "????")]
    found = figures(rows)
    assert (found["pass_at_k"], found["pass_at_1"]) == (pytest.approx(0.5), 0.25)
    assert (found["pass_at_k_prompts"], found["prompts"]) == (1, 3)


def test_where_no_prompt_has_k_draws_nothing_of_them_is_known():
    found = figures([*greedy([1]), *sampled(0, "111?")], k=4)
    assert (found["pass_at_1"], found["pass_at_k"], found["maj_at_k"]) == (None, None, None)
    assert (found["pass_at_k_prompts"], found["draw_reward"]) == (0, 1.0)


def test_several_seeds_have_their_mean_and_their_spread():
    """pass@1 of ¼, ¾ and ½: mean ½, standard deviation ¼."""
    rows = greedy([0])
    for seed, right in enumerate(("1000", "1110", "1100")):
        rows += sampled(0, right, seed=seed)
    found = figures(rows, seeds=3)
    assert found["pass_at_1"] == found["seeds"]["pass_at_1"]["mean"] == 0.5
    assert found["seeds"]["pass_at_1"]["values"] == [0.25, 0.75, 0.5]
    assert found["seeds"]["pass_at_1"]["sd"] == pytest.approx(0.25)
    assert found["seeds"]["pass_at_k"]["values"] == pytest.approx([1 / 2, 1, 5 / 6])
    assert set(found["seeds"]) == {"pass_at_1", "pass_at_k", "maj_at_k", "draw_reward"}


def test_a_seed_without_k_draws_is_unknown_and_in_no_mean():
    rows = [*greedy([0]), *sampled(0, "1110"), *sampled(0, "1???", seed=1)]
    found = figures(rows, seeds=2)
    assert found["seeds"]["pass_at_1"] == {"mean": 0.75, "sd": None, "values": [0.75, None]}
    assert (found["pass_at_k_prompts"], found["unscorable_draws"]) == (0, 3)


def test_a_win_rate_counts_a_tie_one_half_and_leaves_out_what_has_no_verdict():
    wins = (1.0, 0.5, 0.0, 1.0, None)
    rows = [
        answer(n, True, measured={} if win is None else {"win": win}) for n, win in enumerate(wins)
    ]
    found = win_rate([*rows, *sampled(0, "1")], **BOOTSTRAP)
    expected = bootstrap_interval([1, 0.5, 0, 1], list("aabb"), **BOOTSTRAP)
    assert found == {
        "mean": 0.625,
        "low": expected.low,
        "high": expected.high,
        "unscorable": 1,
        "won": 2,
        "tied": 1,
        "lost": 1,
    }


def test_figures_are_plain_json():
    rows = [*greedy([1, 0]), *sampled(0, "1?0?"), *sampled(1, "????")]
    found = figures(rows, ("f1",), k=4)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_no_answers_have_no_summary():
    with pytest.raises(ValueError, match="no prompts"):
        figures([])
