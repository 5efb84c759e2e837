"""Runs that nobody runs any more, though Prefect's server has them at work.

It learns from the worker that a run's process has died, and not at all where the worker was killed
too, or there is none. Such a run would stay *Running* for ever, and a deployed one hold the place
that the next one waits for; one that has asked a person would be *Paused* with nobody to hear the
answer.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.states import Cancelled, Crashed, Scheduled

from flows.deploying import WORK_POOL
from rsft.servers.processes import values_of

_HERE = {"127.0.0.1", "::1", "localhost"}
_RUN = "PREFECT__FLOW_RUN_ID"
"""Environment variable of a run's process and all that it starts."""
_MOST = 200


def settle_stranded() -> list[str]:
    """Gives the pool's runs without a process the state that is true.

    It is for a worker that has not begun yet, so that what has no process will have none. Of a
    server elsewhere nothing is changed: other machines may be at work on its runs.

    Returns:
        The runs' ids.
    """
    if urlsplit(PREFECT_API_URL.value() or "").hostname not in _HERE:
        return []
    at_work = values_of(_RUN)  # before the server is asked: what ends in between has told it
    with get_client(sync_client=True) as client:
        stranded = [
            run
            for run in client.read_flow_runs(
                flow_run_filter=_in_states(*_TRUE), work_pool_filter=_of_pool(), limit=_MOST
            )
            if str(run.id) not in at_work and _needs_process(run)
        ]
        for run in stranded:
            _settle(client, run)
    return [str(run.id) for run in stranded]


def settle_predecessor(private: Path, flow_run_id: str) -> None:
    """Does so for the run that worked in a workspace before; it is for the one that holds it now.

    Args:
        private: Folder of what belongs to the workspace alone.
        flow_run_id: Prefect's id of the run that holds it, for the next one.
    """
    file = private / "flow_run"
    before = file.read_text(encoding="utf-8") if file.exists() else flow_run_id
    if before != flow_run_id:  # a retry has the same
        with get_client(sync_client=True) as client, suppress(ObjectNotFound, ValueError):
            run = client.read_flow_run(UUID(before))
            if _needs_process(run):
                _settle(client, run)
    file.write_text(flow_run_id, encoding="utf-8")


def _needs_process(run: FlowRun) -> bool:
    """Whether its state is true only of a run with a process; one that is suspended has none."""
    assert run.state is not None
    return run.state.type in _TRUE and not run.state.state_details.pause_reschedule


def _settle(client: SyncPrefectClient, run: FlowRun) -> None:
    assert run.state_type is not None
    client.set_flow_run_state(run.id, _TRUE[run.state_type](), force=True)


def _crashed() -> State[Any]:
    return Crashed(message="its process was killed; the next run goes on from what is finished")


def _unheard() -> State[Any]:
    return Crashed(message="its process was killed while it waited; `rsft promote` judges again")


_TRUE = {
    StateType.RUNNING: _crashed,
    StateType.PAUSED: _unheard,
    StateType.PENDING: Scheduled,  # it had not begun
    StateType.CANCELLING: Cancelled,
}


def _in_states(*types: StateType) -> FlowRunFilter:
    state = FlowRunFilterState(type=FlowRunFilterStateType(any_=[*types]))
    return FlowRunFilter(state=state)


def _of_pool() -> WorkPoolFilter:
    return WorkPoolFilter(name=WorkPoolFilterName(any_=[WORK_POOL]))
