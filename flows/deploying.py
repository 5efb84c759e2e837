"""Deploying ``prefect.yaml``: again and again, without undoing what people have switched.

``prefect deploy`` puts each schedule to what the file says, so that one which was turned on with
``prefect deployment schedule resume`` would be off after the next; here it stays as it was.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists

from flows.schedules import require_deployable
from rsft.errors import ConfigurationError

WORK_POOL = "rsft"
"""Whose worker runs the deployments."""
PREFECT_YAML = Path("prefect.yaml")


def deploy() -> None:
    """Deploys everything in the current folder's ``prefect.yaml``.

    Raises:
        ConfigurationError: Where it cannot be deployed; or Prefect does not take it, and has said
            why.
    """
    require_deployable(PREFECT_YAML.resolve())
    with get_client(sync_client=True) as client:
        with suppress(ObjectAlreadyExists):
            client.create_work_pool(WorkPoolCreate(name=WORK_POOL, type="process"))
        before = dict(_schedules(client))
        # It warns of each step of a pull that hands something to the next.
        logging.getLogger("prefect.utilities.templating").addFilter(_is_error)
        if prefect("--no-prompt", "deploy", "--all") != 0:
            raise ConfigurationError(f"{PREFECT_YAML.resolve()} cannot be deployed; see above")
        for key, (deployment, schedule, is_active) in _schedules(client):
            was_active = before[key][2] if key in before else is_active
            if was_active != is_active:
                client.update_deployment_schedule(deployment, schedule, active=was_active)


def prefect(*arguments: str) -> int:
    """Runs Prefect's command line in this process, which has imported it: that takes seconds.

    Returns:
        Its exit code.
    """
    from prefect.cli import app

    sys.argv = ["prefect", *arguments]
    try:
        app()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    return 0


def _is_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


def _schedules(
    client: SyncPrefectClient,
) -> Iterator[tuple[tuple[str, str], tuple[UUID, UUID, bool]]]:
    """Each schedule by its deployment and what it says: where it is, and whether it is on."""
    for deployment in client.read_deployments(limit=200):
        for schedule in deployment.schedules:
            key = deployment.name, schedule.schedule.model_dump_json()
            yield key, (deployment.id, schedule.id, bool(schedule.active))
