"""New prompts: what lies in the watched folder is taken in, and the retraining is told.

Deploy it with ``prefect deploy --all`` (prefect.yaml), or add a file by hand: ``rsft prompts add``.
"""

import logging
from itertools import takewhile
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.events import emit_event

from flows.server import server_problem
from flows.telling import tell_in_one_line
from rsft.config import load_config
from rsft.lineage import Workspace, read_additions
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
    try:
        newer = take_upstream(workspace, config, on_wait=_say_whom)
        if newer is not None:
            told.append({"name": newer.source, "problem": None, "addition": newer.as_dict()})
        told.extend(one.as_dict() for one in take_folder(workspace, config, on_wait=_say_whom))
    finally:  # those before an error were taken in, too
        announce(workspace)
    if told:
        create_markdown_artifact(taken_markdown(told), key="prompts")
    return told


def announce(workspace: Workspace) -> None:
    """Tells who waits for it that there are new prompts, where that was not told yet.

    What was taken in before a kill, or while no server answered, is told of with the next.

    Args:
        workspace: The checkout, which must be the current folder.
    """
    file = workspace.private / "announced"
    before = file.read_text(encoding="utf-8") if file.exists() else None
    untold = list(takewhile(lambda one: one["fingerprint"] != before, reversed(read_additions())))
    if not untold:
        return
    last = untold[0]
    emit_event(
        event=PROMPTS_EVENT,
        resource={"prefect.resource.id": "rsft.prompts"},
        payload={
            "new": sum(addition["new"] for addition in untold),
            "total": last["total"],
            "fingerprint": last["fingerprint"],
        },
    )
    workspace.private.mkdir(exist_ok=True)
    file.write_text(last["fingerprint"], encoding="utf-8")


def announce_by_hand(workspace: Workspace) -> str | None:
    """Announces additions where there is a server; else says why nobody was told."""
    problem = server_problem()
    if problem is None:
        announce(workspace)
    return problem


def _say_whom(holder: str) -> None:
    logger.warning("waiting for %s", holder)
