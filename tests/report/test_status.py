"""Where a checkout stands, in lines."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from rsft.report.status import status_lines

MODEL = {
    "name": "rsft",
    "champion": 1,
    "since": "2026-01-02T03:00:00+00:00",
    "challenger": 2,
    "verdict": "awaits approval",
    "reason": "awaits a person",
}


@pytest.fixture(autouse=True)
def _in_utc() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def run(state: str, message: str | None = None) -> dict[str, Any]:
    return {"state": state, "at": "2026-01-02T03:04:05Z", "message": message, "link": "http://x/1"}


def status(**told: Any) -> dict[str, Any]:
    nothing = {"up": None, "prefect_address": None, "prefect": None, "prefect_problem": "nobody"}
    return nothing | {"models": [], "held": {}, "unpushed": [], "uncommitted": []} | told


def flow(**told: Any) -> dict[str, Any]:
    nothing = {"last": None, "next": None, "is_late": False, "is_queued": False, "schedules": []}
    flows = {"retrain": nothing | told}
    return status(prefect={"address": "http://x", "flows": flows, "waiting": []})


def test_without_a_server_what_git_knows_is_told_and_what_it_does_not_is_said() -> None:
    assert status_lines(status()).splitlines() == [
        "[yellow]runs[/]        not known: nobody",
        "[bold]model[/]       none is registered yet",
        "[bold]at work[/]     no run holds a workspace",
        "[bold]remote[/]      is owed nothing",
    ]


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({}, "has not run yet; nothing is due"),
        (
            {"last": run("Completed", "All states completed.")},
            "completed[/] 2026-01-02 03:04 UTC; nothing is due",
        ),
        ({"last": run("Failed", "no [rows]\n\x1b")}, r"03:04 UTC: no \[rows] \x1b; nothing is due"),
        ({"last": run("Failed", "x" * 200)}, f"UTC: {'x' * 99}…; nothing is due"),
        ({"next": "2026-01-03T03:00:00Z"}, "has not run yet; next 2026-01-03 03:00 UTC"),
        (
            {"next": "2026-01-01T03:00:00Z", "is_late": True},
            "has not run yet; [yellow]late since[/] 2026-01-01 03:00 UTC",
        ),
        (
            {"next": "2026-01-01T03:00:00Z", "is_queued": True},
            "has not run yet; queued since 2026-01-01 03:00 UTC",
        ),
        (
            {"schedules": [{"is_active": False}]},
            "its schedule is off (`prefect deployment schedule",
        ),
    ],
)
def test_a_flow_is_one_line(told: dict[str, Any], line: str) -> None:
    assert line in status_lines(flow(**told)).splitlines()[1]


def test_a_server_that_answers_is_told_as_prefects_own_commands_want_it() -> None:
    told = "[bold]server[/]      http://x; for `prefect …`: export PREFECT_API_URL=http://x/api"
    assert status_lines(flow()).splitlines()[0] == told


def test_who_may_say_yes_is_told_how() -> None:
    lines = status_lines(status(models=[MODEL])).splitlines()
    assert lines[1:3] == [
        "[bold]model[/]       rsft: champion 1 since 2026-01-02 03:00 UTC, challenger 2 (awaits a "
        "person)",
        "[yellow]waiting[/]     rsft/2: `rsft promote rsft/2 --approve NAME` says yes",
    ]


def test_what_was_not_judged_and_who_is_at_work_and_what_is_owed() -> None:
    unjudged = MODEL | {"champion": None, "verdict": None, "reason": None}
    told = status_lines(status(models=[unjudged], held={"/w": "run r1"}, unpushed=["a", "b"]))
    assert told.splitlines()[1:] == [
        "[bold]model[/]       rsft: no champion, challenger 2 (not judged yet)",
        "[bold]at work[/]     run r1 in /w",
        "[yellow]remote[/]      lacks the data of 2 runs; the next run pushes it",
    ]


def test_what_deployed_runs_will_do_without_is_named() -> None:
    told = status_lines(status(uncommitted=["params.yaml", "a[b]", "c", "d", "e"]))
    assert told.splitlines()[3] == (
        r"[yellow]edited[/]      params.yaml, a\[b], c and 2 more not committed: deployed runs "
        "work at the commit, without that"
    )
