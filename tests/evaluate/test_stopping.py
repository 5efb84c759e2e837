"""When the rounds end, and whose policy is handed on."""

import json
from typing import Any

import pytest

from rsft.config import MonitorSection
from rsft.evaluate.monitors import Figures, measure_answers
from rsft.evaluate.stopping import Monitor, base_monitor, judge_round, pass_on
from tests.evaluate.cases import answer, figures

BASE = base_monitor(figures())


def judge(section: dict[str, Any], size: float = 500.0, **values: Any) -> Monitor:
    return judge_round(BASE, BASE, figures(**values), size, MonitorSection(**section))


def history(accuracies: list[float], **section: Any) -> list[Monitor]:
    """What is known after each round, passed on once the rounds have ended."""
    base = base_monitor(figures(accuracy=accuracies[0]))
    known = [base]
    for accuracy in accuracies[1:]:
        if known[-1].stopped is not None:
            known.append(pass_on(known[-1]))
        else:
            found = figures(accuracy=accuracy)
            known.append(judge_round(known[-1], base, found, 500.0, MonitorSection(**section)))
    return known


@pytest.mark.parametrize(
    ("accuracies", "section", "stop", "handed_on"),
    [
        ([0.5, 0.6, 0.7, 0.8], {"patience": 1}, None, 3),
        ([0.5, 0.4, 0.4, 0.4], {}, None, 3),
        ([0.5, 0.5], {"patience": 1}, 1, 0),
        ([0.5, 0.4, 0.9], {"patience": 1}, 1, 0),
        ([0.5, 0.6, 0.5, 0.9], {"patience": 1}, 2, 1),
        ([0.5, 0.6, 0.5, 0.7, 0.6], {"patience": 2}, None, 4),
        ([0.5, 0.6, 0.5, 0.6, 0.9], {"patience": 2}, 3, 1),
        ([0.5, 0.4, 0.45, 0.48, 0.9], {"patience": 3}, 3, 0),
        ([0.5, 0.55, 0.59, 0.62, 0.65], {"patience": 2, "min_gain": 0.1}, 2, 0),
        ([0.5, 0.55, 0.61, 0.65, 0.69], {"patience": 2, "min_gain": 0.1}, 4, 2),
    ],
)
def test_rounds_stall_after_so_many_without_a_new_best(
    accuracies: list[float], section: dict[str, Any], stop: int | None, handed_on: int
) -> None:
    *_, last = history(accuracies, **section)
    assert (last.stopped and last.stopped.round, last.handed_on) == (stop, handed_on)
    if last.stopped:
        assert last.stopped.kind == "stalled"


def test_a_stall_names_the_numbers_and_the_settings() -> None:
    *_, last = history([0.5, 0.625, 0.5, 0.6], patience=2)
    assert last.stopped is not None
    assert last.stopped.reason == (
        "60.0% of the held-out answers are right, and 62.5% were after round 1, 2 before "
        "(monitor.patience = 2, monitor.min_gain = 0)"
    )
    *_, last = history([0.5, 0.4], patience=1)
    assert last.stopped is not None
    assert "50.0% were after the base" in last.stopped.reason


@pytest.mark.parametrize(
    ("section", "values", "reason"),
    [
        (
            {"min_entropy": 0.1},
            {"token_entropy": 0.04},
            "token entropy is 0.05 of the base's (monitor.min_entropy = 0.1)",
        ),
        (
            {"min_distinct": 0.5, "distinct_words": 3},
            {"distinct": 0.1},
            "the share of distinct 3-grams is 0.25 of the base's (monitor.min_distinct = 0.5)",
        ),
        (
            {"min_pass_gap": 0.02},
            {"pass_gap": 0.01},
            "pass@k − pass@1 is 0.01 (monitor.min_pass_gap = 0.02)",
        ),
        (
            {"max_length_ratio": 2},
            {"mean_tokens": 27.0},
            "mean tokens are 2.25 of the base's (monitor.max_length_ratio = 2)",
        ),
        (
            {"max_length_ratio": 2},
            {"mean_tokens": 3.0},
            "mean tokens are 0.25 of the base's (monitor.max_length_ratio = 2)",
        ),
        (
            {"max_reward_gap": 0.1, "gold": "f1"},
            {"mean_reward": 0.75, "mean_gold": 0.45},
            "the mean reward rose by 0.3 and f1 by 0.05 (monitor.max_reward_gap = 0.1)",
        ),
    ],
)
def test_each_monitor_stops_the_rounds_and_only_where_its_threshold_is_set(
    section: dict[str, Any], values: dict[str, Any], reason: str
) -> None:
    found = judge(section, **values)
    assert found.stopped is not None
    assert (found.stopped.kind, found.stopped.round) == ("collapsed", 1)
    assert found.stopped.reason == reason
    assert found.handed_on == 0
    assert judge({}, **values).stopped is None
    assert judge(section).stopped is None


def test_a_small_pool_stops_the_rounds_though_nothing_is_held_out() -> None:
    base = base_monitor(None)
    section = MonitorSection(min_effective_sample_size=100)
    found = judge_round(base, base, None, 99.0, section)
    assert found.stopped is not None
    assert found.stopped.reason == (
        "the effective sample size of the pool is 99.0 (monitor.min_effective_sample_size = 100)"
    )
    found = judge_round(base, base, None, 100.0, section)
    assert (found.stopped, found.handed_on) == (None, 1)


def test_all_signs_are_named() -> None:
    found = judge({"min_entropy": 0.5, "min_distinct": 0.5}, token_entropy=0.0, distinct=0.01)
    assert found.stopped is not None
    assert found.stopped.reason.count("monitor.min_") == 2


def test_a_collapse_hands_on_what_was_there_before_it_and_is_no_best() -> None:
    section = MonitorSection(min_entropy=0.5, patience=3)
    first = judge_round(BASE, BASE, figures(accuracy=0.6), 500.0, section)
    second = judge_round(first, BASE, figures(accuracy=0.55), 500.0, section)
    third = judge_round(second, BASE, figures(accuracy=0.9, token_entropy=0.1), 500.0, section)
    assert third.stopped is not None
    assert (third.stopped.kind, third.stopped.round) == ("collapsed", 3)
    assert (third.handed_on, third.best_round, third.best_accuracy) == (2, 1, 0.6)


def test_a_round_that_was_not_run_has_no_figures_and_says_why() -> None:
    stopped = judge({"min_entropy": 0.5}, token_entropy=0.1)
    after = pass_on(stopped)
    assert (after.round, after.handed_on, after.stopped) == (2, 0, stopped.stopped)
    assert (after.figures, after.drift, after.effective_sample_size) == (None, None, None)


def test_what_is_written_is_read_again() -> None:
    for found in (BASE, base_monitor(None), judge({}), judge({"min_entropy": 2.0})):
        assert Monitor.from_dict(json.loads(json.dumps(found.as_dict()))) == found


DIVERSE = [
    answer(p, d, completion=f"n{p} + n{d} = r0", policy_logprob=-3.0) for p in range(20)
    for d in (None, 0, 1, 2, 3)
]  # fmt: skip


def measured(answers: list[Any]) -> Figures:
    return measure_answers(
        answers, too_long=0, k=4, words=2, gold=None, resamples=100, confidence=0.9, seed=1
    )


@pytest.mark.parametrize(
    ("planted", "section", "sign"),
    [
        ({"completion": "n0 + n1 = r0"}, {"min_distinct": 0.5}, "distinct 2-grams"),
        ({"policy_logprob": -0.01}, {"min_entropy": 0.1}, "token entropy"),
        ({"token_count": 9}, {"max_length_ratio": 2.0}, "mean tokens"),
        ({}, {"min_pass_gap": 0.01}, "pass@k − pass@1"),
    ],
)
def test_a_planted_collapse_of_the_answers_is_seen(
    planted: dict[str, Any], section: dict[str, Any], sign: str
) -> None:
    """All completions equal, all certain, all long, or all right."""
    base = base_monitor(measured(DIVERSE))
    collapsed = [answer(int(a.prompt_id[6:]), a.draw, **planted) for a in DIVERSE]
    collapsed = collapsed if planted else DIVERSE
    found = judge_round(base, base, measured(collapsed), 500.0, MonitorSection(**section))
    assert found.stopped is not None
    assert sign in found.stopped.reason
