"""Where a checkout stands, as git and its own files tell: no server is asked."""

from collections.abc import Sequence
from typing import Any

from rsft.lineage import (
    Entry,
    Workspace,
    contending,
    in_service,
    list_worktrees,
    owed_runs,
    read_record,
    uncommitted,
)


def tell_standing(workspace: Workspace) -> dict[str, Any]:
    """What serves and what contends, who is at work, and what the remote lacks, for JSON.

    Args:
        workspace: A checkout that has the tags.
    """
    record = read_record(workspace)
    folders = list_worktrees(workspace)
    held = {str(f): Workspace(root=f, home=workspace.home).held_by() for f in folders}
    return {
        "models": [_model(record, name) for name in sorted({entry.name for entry in record})],
        "held": {folder: holder for folder, holder in held.items() if holder is not None},
        "unpushed": owed_runs(workspace),
        "uncommitted": uncommitted(workspace.home),
    }


def _model(record: Sequence[Entry], name: str) -> dict[str, Any]:
    serving, contender = in_service(record, name), contending(record, name)
    verdict = None if contender is None else _last_verdict(record, contender)
    return {
        "name": name,
        "champion": None if serving is None else serving.version,
        "since": None if serving is None else serving.at,
        "challenger": None if contender is None else contender.version,
        "verdict": None if verdict is None else verdict.details.get("outcome"),
        "reason": None if verdict is None else verdict.details["reason"],
    }


def _last_verdict(record: Sequence[Entry], contender: Entry) -> Entry | None:
    judged = [
        entry
        for entry in record
        if (entry.kind, entry.name, entry.version) == ("judged", contender.name, contender.version)
    ]
    return max(judged, key=lambda entry: entry.number, default=None)
