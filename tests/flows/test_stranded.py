"""Runs whose process and worker were killed: a real server is told, and the next one may begin."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling, Completed, Paused, Pending, Running, Suspended

from flows import stranded
from tests.flows.conftest import Up


@pytest.fixture
def client(up: Up, monkeypatch: pytest.MonkeyPatch) -> Iterator[SyncPrefectClient]:
    """Of a server with a work pool that no worker looks at."""
    monkeypatch.setattr(stranded, "WORK_POOL", "unattended")
    with (
        temporary_settings({PREFECT_API_URL: up.environment["PREFECT_API_URL"]}),
        get_client(sync_client=True) as client,
    ):
        client.create_work_pool(WorkPoolCreate(name="unattended", type="process"))
        yield client
        client.delete_work_pool("unattended")


def test_what_no_process_works_on_is_told_as_it_is(client: SyncPrefectClient) -> None:
    flow = client.create_flow_from_name("stranded")
    deployment = client.create_deployment(
        flow, "stranded", work_pool_name="unattended", concurrency_limit=1
    )
    unlimited = client.create_deployment(flow, "asking", work_pool_name="unattended")

    def make(*states: Any, force: bool = True, of: UUID = deployment) -> UUID:
        run = client.create_flow_run_from_deployment(of).id
        for state in states:
            client.set_flow_run_state(run, state, force=force)
        return run

    def told(run: UUID) -> str | None:
        return client.read_flow_run(run).state_name

    killed = make(Pending(), Running(), force=False)  # it holds the one place
    cancelled, pending, other = make(Running(), Cancelling()), make(Pending()), make(Running())
    asking = make(Running(), Paused(timeout_seconds=600), of=unlimited)
    suspended = make(Running(), Suspended(timeout_seconds=600), of=unlimited)
    assert told(make(Pending(), force=False)) == "AwaitingConcurrencySlot"
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    environment = os.environ | {"PREFECT__FLOW_RUN_ID": str(other)}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE):
        settled = stranded.settle_stranded()
    assert {*settled} == {str(run) for run in (killed, cancelled, pending, asking)}
    assert [*map(told, (killed, cancelled, pending, asking, other, suspended))] == [
        *("Crashed", "Cancelled", "Scheduled", "Crashed", "Running", "Suspended")
    ]
    assert "`rsft promote` judges again" in str(client.read_flow_run(asking).state)
    assert "the next run goes on" in str(client.read_flow_run(killed).state)
    assert told(make(Pending(), force=False)) == "Pending"


def test_the_next_run_in_a_workspace_tells_of_one_that_was_killed(
    client: SyncPrefectClient, tmp_path: Path
) -> None:
    flow = client.create_flow_from_name("by hand")
    deployment = client.create_deployment(flow, "by hand", work_pool_name="unattended")
    runs = [client.create_flow_run_from_deployment(deployment).id for _ in range(4)]
    suspended = Suspended(timeout_seconds=600)
    given = ([Running()], [Running(), Completed()], [], [Running(), suspended])
    for run, states in zip(runs, given, strict=True):
        for state in states:
            client.set_flow_run_state(run, state, force=True)
    for run in (runs[0], *runs, runs[1]):  # the first was begun again
        stranded.settle_predecessor(tmp_path, str(run))
    assert [client.read_flow_run(run).state_name for run in runs] == [
        *("Crashed", "Completed", "Scheduled", "Suspended")
    ]
    (tmp_path / "flow_run").write_text("half")
    stranded.settle_predecessor(tmp_path, "next")
    stranded.settle_predecessor(tmp_path, str(runs[1]))
    assert (tmp_path / "flow_run").read_text() == str(runs[1])


def test_runs_of_a_server_elsewhere_are_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(stranded, "get_client")
    with temporary_settings({PREFECT_API_URL: "https://prefect.example.org/api"}):
        assert stranded.settle_stranded() == []
