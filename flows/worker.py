"""The worker of the local stack: deploys ``prefect.yaml`` and the alerts, then runs what is due.

``rsft up`` starts it beside Prefect's server, whose start it waits for: both import for seconds.
Its output is its log; the last line of it tells why it could not go on.
"""

import sys
import time

from prefect.client.orchestration import get_client

from flows.alerts import apply_alerts
from flows.deploying import WORK_POOL, deploy, prefect
from flows.server import server_problem
from flows.stranded import settle_stranded
from rsft.config import load_config
from rsft.errors import RsftError, WorkspaceError

_SERVER_SECONDS = 120


def main() -> int:
    """Deploys, tells of runs that were killed, then works until it is stopped."""
    try:
        _wait_for_server()
        deploy()
        _apply_alerts()
        settle_stranded()
    except RsftError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 2
    return prefect("worker", "start", "--pool", WORK_POOL, "--type", "process", "--name", "rsft")


def _apply_alerts() -> None:
    """A channel that is not there is told of; retraining does not wait for it."""
    try:
        apply_alerts(load_config().alerts)
    except RsftError as error:
        print(f"WARNING: nobody is told of what goes wrong: {error}", file=sys.stderr)


def _wait_for_server() -> None:
    deadline = time.monotonic() + _SERVER_SECONDS
    with get_client(sync_client=True) as client:
        while client.api_healthcheck() is not None and time.monotonic() < deadline:
            time.sleep(0.2)
    problem = server_problem()
    if problem is not None:
        raise WorkspaceError(problem)


if __name__ == "__main__":
    sys.exit(main())
