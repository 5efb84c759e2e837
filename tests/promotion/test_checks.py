"""What must hold of a run besides its figures."""

import pytest

from rsft.promotion.checks import check_run
from tests.promotion.cases import run_record


def checks(*findings: str, **changes: object) -> dict[str, tuple[bool, str]]:
    found = check_run(run_record(**changes), lambda run: findings)
    return {check.name: (check.passed, check.told) for check in found}


def test_a_sound_run_passes_all():
    assert checks() == {
        "audit": (True, "every hash, edge and setting is what the record says"),
        "unchanged": (True, "code, settings and inputs stayed as they were"),
        "expectations": (True, "24 met, in 2 rounds"),
        "monitors": (True, "quiet in every round"),
    }


def test_the_audit_is_of_this_run_and_what_it_finds_stops_it():
    asked = []
    run = run_record()
    list(check_run(run, lambda audited: asked.append(audited) or []))
    assert asked == [run]
    assert checks("object: x", "edge: y")["audit"] == (False, "object: x; edge: y")


def test_of_many_findings_the_first_are_told_and_the_rest_counted():
    assert checks(*"abcde")["audit"] == (False, "a; b; c, and 2 more")


def test_a_marked_run_is_not_promoted():
    told = checks(changed=["rsft/filter/decide.py"])["unchanged"]
    assert told == (False, "rsft/filter/decide.py changed while it ran")


def test_a_round_whose_expectations_failed_stops_it():
    failed = {"success": False, "evaluated": 3, "failed": ["rows_unique (2 of 9)"], "warnings": []}
    fine = {"success": True, "evaluated": 3, "failed": [], "warnings": ["rate (0.01)"]}
    told = checks(expectations={"1": fine, "2": failed})["expectations"]
    assert told == (False, "round 2: rows_unique (2 of 9)")
    assert checks(expectations={"1": fine})["expectations"][0]


def test_a_run_whose_expectations_nobody_judged_is_not_promoted():
    nothing = {"success": True, "evaluated": 0, "failed": [], "warnings": []}
    for expectations in ({}, {"1": nothing}):
        assert checks(expectations=expectations)["expectations"] == (False, "none was judged")


@pytest.mark.parametrize(
    ("tripped", "passed"), [([], True), (["token entropy is 0.05 of the base's"], False)]
)
def test_a_monitor_that_tripped_stops_it_and_a_stall_does_not(tripped, passed):
    found = {"stopped": "stalled in round 2: no gain", "round": 1, "tripped": tripped}
    told = checks(monitors={"1": found})["monitors"]
    assert told[0] == passed
    assert told[1] == (f"round 1: {tripped[0]}" if tripped else "quiet in every round")
