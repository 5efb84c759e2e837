"""What people read of monitors and controls."""

from dataclasses import asdict, replace

import pytest

from rsft.config import MonitorSection
from rsft.evaluate.stopping import Monitor, base_monitor, judge_round, pass_on
from rsft.report.monitor import control_line, monitor_lines, stopped_line
from tests.evaluate.cases import figures
from tests.report.test_tables import shown

BASE = base_monitor(figures())
LATER = figures(
    accuracy=0.625,
    token_entropy=0.2,
    distinct=0.3,
    mean_tokens=18.0,
    mean_reward=0.75,
    mean_gold=0.5,
    too_long=3,
    unscorable=1,
)


def lines(monitor: Monitor, gold: str | None = "f1") -> list[str]:
    return monitor_lines(monitor.as_dict(), k=8, words=2, gold=gold).splitlines()


def judged(**section: object) -> Monitor:
    return judge_round(BASE, BASE, LATER, 500.0, MonitorSection(**section))


def test_the_base_has_its_figures_and_nothing_to_compare_them_with() -> None:
    assert lines(BASE) == [
        "  held out: 100 prompts; 50.0% right [40.0, 60.0], pass@1 45.0%, pass@8 75.0%, gap 30.0%",
        "  token entropy 0.800 nats, distinct 2-grams 40.0%, tokens 12.0",
    ]


def test_a_round_says_how_far_it_is_from_the_base() -> None:
    assert lines(judged()) == [
        "  held out: 100 prompts, 3 too long, 1 unscorable; 62.5% right [40.0, 60.0], "
        "pass@1 45.0%, pass@8 75.0%, gap 30.0%",
        "  token entropy 0.200 nats (0.25 of the base's), distinct 2-grams 30.0% "
        "(0.75 of the base's), tokens 18.0 (1.50 of the base's)",
        "  mean reward +0.300 and f1 +0.100 since the base: gap +0.200",
        "  best so far 62.5%, round 1's policy",
    ]


def test_without_a_gold_reward_there_is_no_line_of_it() -> None:
    assert not [line for line in lines(judged(), gold=None) if "reward" in line]


def test_what_is_not_known_is_no_number() -> None:
    unknown = figures(pass_at_1=None, pass_at_k=None, pass_gap=None, mean_reward=None)
    found = replace(judged(), figures=unknown, drift=None)
    assert "pass@1 –, pass@8 –, gap –" in lines(found)[0]


def test_a_stop_says_why_and_what_is_handed_on() -> None:
    assert lines(judged(max_length_ratio=1.25))[-1] == (
        "  stopped: collapsed in round 1: mean tokens are 1.5 of the base's "
        "(monitor.max_length_ratio = 1.25); the base is handed on"
    )


def test_nothing_is_said_where_nothing_is_held_out_and_nothing_stopped() -> None:
    assert lines(base_monitor(None)) == []


def test_a_round_that_is_not_run_has_one_line() -> None:
    line = stopped_line(pass_on(judged(max_length_ratio=1.25)).as_dict())
    assert line == (
        "Round 2 is not run, stopped: collapsed in round 1: mean tokens are 1.5 of the base's "
        "(monitor.max_length_ratio = 1.25); the base is handed on"
    )


@pytest.mark.parametrize("name", ["[bold red]x", "[/]", "mine:f[link=file:///etc]"])
def test_a_name_is_no_markup(name: str) -> None:
    text = monitor_lines(asdict(judged()), k=8, words=2, gold=name)
    assert name in shown(text)


def test_a_control_says_what_it_was_trained_on() -> None:
    found = {"rows": 1234, "labelled": 300, "missing": 0, "steps": 200}
    assert (
        control_line("random", found) == "  random: trained on 1,234 rows (300 labelled), 200 steps"
    )
    found = {"rows": 1230, "labelled": 300, "missing": 4, "steps": 600}
    assert control_line("random", found) == (
        "  random: trained on 1,230 rows (300 labelled), 600 steps; 4 fewer than the pool"
    )
