"""New prompts: what lies in the watched folder is taken in, and the retraining is told.

Deploy it with ``prefect deploy --all`` (prefect.yaml), or add a file by hand: ``rsft prompts add``.
"""

import logging
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.events import emit_event

from flows.server import server_problem
from flows.telling import tell_in_one_line
from rsft.config import load_config
from rsft.lineage import Addition, Workspace
from rsft.report.prompts import taken_markdown
from rsft.runs.intake import take_folder, take_upstream

logger = logging.getLogger("rsft")

PROMPTS_EVENT = "rsft.prompts"
"""Emitted where prompts were added; ``prefect.yaml`` waits for it."""


@flow(name="prompts", flow_run_name="prompts", validate_parameters=False)
def prompts() -> list[dict[str, Any]]:
    """Takes in what came to the current folder's checkout: by git and DVC, or in ``data/incoming``.

    Returns:
        What came of each file.

    Raises:
        RsftError: Where the workspace cannot take any in; what is left stays for the next time.
    """
    tell_in_one_line()
    workspace = Workspace.open()
    workspace.enter()
    config = load_config()
    told: list[dict[str, Any]] = []
    added: list[Addition] = []
    try:
        newer = take_upstream(workspace, config, on_wait=_say_whom)
        if newer is not None:
            told.append({"name": newer.source, "problem": None, "addition": newer.as_dict()})
            added.append(newer)
        for taken in take_folder(workspace, config, on_wait=_say_whom):
            told.append(taken.as_dict())
            added += [] if taken.addition is None else [taken.addition]
    finally:  # those before an error were taken in, too
        new = sum(addition.new for addition in added)
        if new:
            announce(added[-1], new)
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
    """Announces an addition where there is a server; else says why nobody was told."""
    problem = server_problem()
    if problem is None:
        announce(addition, addition.new)
    return problem


def _say_whom(holder: str) -> None:
    logger.warning("waiting for %s", holder)
