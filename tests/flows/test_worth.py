"""When a retraining is not worth it, and what becomes of its worktree."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
import yaml
from prefect.client.schemas.objects import FlowRun
from prefect.states import Completed

import flows.retrain as retraining
import flows.run as module
from flows.overview import SKIPPED
from flows.retrain import is_by_schedule, leave_worktree
from flows.run import Run
from rsft.lineage import Workspace
from tests.workspaces import ROOT


@pytest.mark.parametrize(
    ("new", "least", "reason"),
    [
        (12, 500, "not worth it: 12 new of 500 (retrain.min_new_prompts)"),
        (0, 1, "not worth it: 0 new of 1 (retrain.min_new_prompts)"),
        (500, 500, None),
        (0, 0, None),
        (None, 500, None),  # the first run of all, or nobody can tell
    ],
)
def test_a_run_is_worth_it_from_so_many_new_prompts(
    monkeypatch: pytest.MonkeyPatch, new: int | None, least: int, reason: str | None
) -> None:
    monkeypatch.setattr(module, "count_new", lambda _: new)
    settings = SimpleNamespace(retrain=SimpleNamespace(min_new_prompts=least))
    run: Any = SimpleNamespace(config=settings, workspace=None)
    assert Run.not_worth_it(run) == reason


@pytest.mark.parametrize(
    ("flow_run", "is_so"),
    [
        (None, False),
        (FlowRun(flow_id=uuid4(), auto_scheduled=False), False),
        (FlowRun(flow_id=uuid4(), auto_scheduled=True), True),
    ],
)
def test_a_run_that_a_schedule_has_planned_knows_it(
    monkeypatch: pytest.MonkeyPatch, flow_run: FlowRun | None, is_so: bool
) -> None:
    assert not is_by_schedule()
    context = SimpleNamespace(get=lambda: SimpleNamespace(flow_run=flow_run))
    monkeypatch.setattr(retraining, "FlowRunContext", context)
    assert is_by_schedule() == is_so


def test_no_schedule_starts_beside_itself_what_it_missed_while_no_worker_was_there() -> None:
    declared = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    limits = {one["name"]: one.get("concurrency_limit") for one in declared if "schedules" in one}
    assert limits == {
        "retrain": {"limit": 1, "collision_strategy": "ENQUEUE"},
        "prompts": {"limit": 1, "collision_strategy": "CANCEL_NEW"},
        "audit": {"limit": 1, "collision_strategy": "CANCEL_NEW"},
    }


def test_no_schedule_has_parameters_since_prefect_forgets_them_when_it_is_switched() -> None:
    declared = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    schedules = [one for deployed in declared for one in deployed.get("schedules", ())]
    assert len(schedules) == 3
    assert [one for one in schedules if "parameters" in one] == []


@pytest.mark.parametrize(
    ("deployment", "name", "is_resumed", "goes"),
    [
        ("d", "Completed", False, True),
        ("d", "Completed", True, True),
        ("d", SKIPPED, False, True),
        ("d", SKIPPED, True, False),  # what a run that failed has left is still to be gone on with
        (None, "Completed", False, False),
    ],
)
def test_the_worktree_of_a_deployed_run_goes_when_nothing_is_left_to_do_there(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    deployment: str | None,
    name: str,
    is_resumed: bool,
    goes: bool,
) -> None:
    workspace = Workspace(root=tmp_path, home=tmp_path)
    workspace.private.mkdir()
    if is_resumed:
        (workspace.private / "resumed").touch()
    removed: list[Workspace] = []
    monkeypatch.setattr(retraining, "quit_worktree", removed.append)
    monkeypatch.setattr(Workspace, "open", lambda: workspace)
    flow_run: Any = SimpleNamespace(deployment_id=deployment)
    leave_worktree(retraining.retrain, flow_run, Completed(name=name))
    assert removed == [workspace] * goes
