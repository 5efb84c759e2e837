"""The story of the models of a checkout, from its tags alone."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rsft.errors import LineageError
from rsft.lineage import Entry, Workspace, contending, in_service, missing_entries, read_record


def tell_history(workspace: Workspace, name: str | None) -> list[dict[str, Any]]:
    """What became of each model, for JSON: its entries, the oldest first, and where it stands.

    Args:
        workspace: A checkout that has the tags.
        name: Of one model; null for all.

    Raises:
        LineageError: Where nothing of that name is on record.
    """
    record = read_record(workspace)
    names = sorted({entry.name for entry in record})
    if name is not None and name not in names:
        raise LineageError(
            f"{name!r} has no record here; there {_known(names)}; `git fetch --tags` brings others'"
        )
    return [_model(record, each) for each in names if name in (None, each)]


def _model(record: Sequence[Entry], name: str) -> dict[str, Any]:
    serving, contender = in_service(record, name), contending(record, name)
    return {
        "name": name,
        "champion": None if serving is None else serving.version,
        "challenger": None if contender is None else contender.version,
        "entries": [asdict(entry) for entry in record if entry.name == name],
        "missing": missing_entries(record, name),
    }


def _known(names: Sequence[str]) -> str:
    return f"are records of {', '.join(names)}" if names else "is none of any model yet"
