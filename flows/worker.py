"""The worker of the local stack: deploys ``prefect.yaml`` and the alerts, then runs what is due.

``rsft up`` starts it beside Prefect's server, whose start it waits for: both import for seconds.
Its output is its log; the last line of it tells why it could not go on.
"""

import sys
import time

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import StateType
from prefect.settings import PREFECT_API_URL
from prefect.states import Scheduled

from flows.alerts import apply_alerts
from flows.deploying import WORK_POOL, deploy, prefect
from rsft.config import load_config
from rsft.errors import RsftError
from rsft.servers.processes import values_of

_SERVER_SECONDS = 120


def main() -> int:
    """Deploys, then works until it is stopped."""
    try:
        _wait_for_server()
        deploy()
        _apply_alerts()
        _give_back()
    except RsftError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 2
    return prefect("worker", "start", "--pool", WORK_POOL, "--type", "process", "--name", "rsft")


def _give_back() -> None:
    """Plans again what a worker had taken and not begun when it was stopped.

    Such runs would never start, and hold the place of their deployment from all others. What has
    a process is about to begin.
    """
    begun = values_of("PREFECT__FLOW_RUN_ID")
    taken = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PENDING]))
    ours = WorkPoolFilter(name=WorkPoolFilterName(any_=[WORK_POOL]))
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(
            flow_run_filter=FlowRunFilter(state=taken), work_pool_filter=ours
        ):
            if str(run.id) not in begun:
                client.set_flow_run_state(run.id, Scheduled(), force=True)


def _apply_alerts() -> None:
    """A channel that is not there is told of; retraining does not wait for it."""
    try:
        apply_alerts(load_config().alerts)
    except RsftError as error:
        print(f"WARNING: nobody is told of what goes wrong: {error}", file=sys.stderr)


def _wait_for_server() -> None:
    deadline = time.monotonic() + _SERVER_SECONDS
    while time.monotonic() < deadline:
        with get_client(sync_client=True) as client:
            if client.api_healthcheck() is None:
                return
        time.sleep(0.2)
    raise SystemExit(f"ERROR: {PREFECT_API_URL.value()} does not answer for {_SERVER_SECONDS} s")


if __name__ == "__main__":
    sys.exit(main())
