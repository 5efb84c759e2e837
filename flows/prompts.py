"""New prompts: what lies in the watched folder is taken in, and the retraining is told.

Deploy it with ``prefect deploy --all`` (prefect.yaml), or add a file by hand: ``rsft prompts add``.
"""

import logging
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.events import emit_event
from prefect.settings import PREFECT_API_URL

from rsft.config import load_config
from rsft.lineage import Workspace
from rsft.report.prompts import taken_markdown
from rsft.runs.intake import Addition, Taken, take_folder

logger = logging.getLogger("rsft")

PROMPTS_EVENT = "rsft.prompts"
"""Emitted where prompts were added; ``prefect.yaml`` waits for it."""


@flow(name="prompts", flow_run_name="prompts", validate_parameters=False)
def prompts() -> list[dict[str, Any]]:
    """Takes in what lies in ``data/incoming`` of the current folder's checkout.

    Returns:
        What came of each file.

    Raises:
        RsftError: Where the workspace cannot take any in; what is left stays for the next time.
    """
    workspace = Workspace.open()
    workspace.enter()
    files: list[Taken] = []
    try:
        files.extend(take_folder(workspace, load_config(), on_wait=_say_whom))
    finally:  # those before an error were taken in, too
        added = [one.addition for one in files if one.addition is not None and one.addition.new]
        if added:
            announce(added[-1], sum(addition.new for addition in added))
    told = [one.as_dict() for one in files]
    if told:
        create_markdown_artifact(taken_markdown(told), key="prompts")
    return told


def announce(addition: Addition, new: int) -> None:
    """Tells who waits for it that there are new prompts.

    Args:
        addition: The last one.
        new: How many prompts are new.
    """
    emit_event(
        event=PROMPTS_EVENT,
        resource={"prefect.resource.id": "rsft.prompts"},
        payload={"new": new, "total": addition.total, "fingerprint": addition.fingerprint},
    )


def announce_by_hand(addition: Addition) -> str | None:
    """Announces an addition where there is a server; else says why nobody was told.

    Without one Prefect would start one of its own for this alone, for seconds.
    """
    address = PREFECT_API_URL.value()
    if address is None:
        return "PREFECT_API_URL is not set"
    with get_client(sync_client=True) as client:
        problem = client.api_healthcheck()
    if problem is not None:
        return f"PREFECT_API_URL = {address}: Prefect's server does not answer ({problem})"
    announce(addition, addition.new)
    return None


def _say_whom(holder: str) -> None:
    logger.warning("waiting for %s", holder)
