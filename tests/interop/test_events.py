"""What is told of a run and its stages."""

from datetime import timedelta
from uuid import NAMESPACE_URL, uuid5

import pytest

from rsft.errors import ExpectationsError
from rsft.interop import open_events
from rsft.interop.events import RunEvents
from rsft.lineage import StageRun, Workspace
from tests.clocks import SetClock
from tests.clocks import clock as clock
from tests.flows.conftest import wait_until
from tests.interop.conftest import Read
from tests.workspaces import git

DONE = StageRun(name="base", state="reused", seconds=0.1, deps={}, outs={})


def unwarned(what: str) -> None:
    raise AssertionError(what)


def opened(workspace: Workspace):
    return open_events(workspace, run_id="r1", model="policy", warn=unwarned)


def test_a_stage_is_a_part_of_its_run(workspace: Workspace, read_events: Read) -> None:
    with opened(workspace) as events, events.told("base") as told:
        told(DONE)
    run, stage = (str(uuid5(NAMESPACE_URL, f"rsft/run/{name}")) for name in ("r1", "r1/base"))
    assert [event["run"]["runId"] for event in read_events()] == [run, stage, stage, run]
    began, started, _, ended = read_events()
    assert "parent" not in began["run"]["facets"]
    parent = started["run"]["facets"]["parent"]
    assert parent["run"]["runId"] == parent["root"]["run"]["runId"] == run
    assert (parent["job"]["namespace"], parent["job"]["name"]) == ("policy", "retrain")
    assert began["eventTime"] < started["eventTime"] < ended["eventTime"]


def test_a_clock_that_is_set_back_makes_no_stage_end_before_it_began(
    workspace: Workspace, read_events: Read, clock: type[SetClock]
) -> None:
    with opened(workspace) as events, events.told("base") as told:
        clock.ahead = timedelta(hours=-1)
        told(DONE)
    began, started, done, ended = (event["eventTime"] for event in read_events())
    assert began <= started <= done <= ended


def test_what_was_reused_says_so(workspace: Workspace, read_events: Read) -> None:
    with opened(workspace) as events, events.told("base") as told:
        told(DONE)
    tags = {tag["key"]: tag["value"] for tag in read_events()[2]["run"]["facets"]["tags"]["tags"]}
    assert tags.items() >= {("rsft.run_id", "r1"), ("rsft.state", "reused")}


def test_the_source_is_a_commit_and_in_the_end_the_run_s(
    workspace: Workspace, read_events: Read
) -> None:
    start = git(workspace.root, "rev-parse", "main")
    with opened(workspace) as events, events.told("base"):
        wait_until(lambda: len(read_events()) == 2, "two events")
        git(workspace.root, "commit", "--quiet", "--allow-empty", "--message=As it ran")
        git(workspace.root, "tag", "--annotate", "run/r1", "--message=Run")
        git(workspace.root, "reset", "--quiet", "--hard", start)
    began, _, _, ended = (event["job"]["facets"]["sourceCodeLocation"] for event in read_events())
    assert (began["version"], began["tag"]) == (start, "run/r1")
    assert ended["version"] == git(workspace.root, "rev-parse", "run/r1^{commit}") != start
    assert ended["path"] == "flows/retrain.py"


def fail(events: RunEvents, error: BaseException) -> None:
    with events.told("finetune@1"):
        raise error


@pytest.mark.parametrize(
    ("error", "state", "message"),
    [
        (ExpectationsError("round 1: 3 of 9 rows"), "FAIL", "round 1: 3 of 9 rows"),
        (ZeroDivisionError("by 0"), "FAIL", "ZeroDivisionError: by 0"),
        (KeyboardInterrupt(), "ABORT", "KeyboardInterrupt: "),
    ],
)
def test_a_failure_is_told_of_the_stage_and_the_run(
    workspace: Workspace, read_events: Read, error: BaseException, state: str, message: str
) -> None:
    with pytest.raises(type(error)), opened(workspace) as events:
        fail(events, error)
    for event in read_events()[2:]:
        assert event["eventType"] == state
        assert event["run"]["facets"]["errorMessage"]["message"] == message


def test_the_namespace_is_the_model_s_unless_another_is_wanted(
    workspace: Workspace, read_events: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(workspace):
        pass
    monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "ours")
    with opened(workspace):
        pass
    assert [e["job"]["namespace"] for e in read_events()] == ["policy", "policy", "ours", "ours"]
