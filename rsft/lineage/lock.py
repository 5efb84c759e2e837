"""What a ``dvc.lock`` records, read without DVC."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rsft.errors import LineageError
from rsft.lineage.pipeline import OutRecord
from rsft.lineage.yaml12 import load_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedStage:
    """A stage as a lock has it."""

    deps: dict[str, OutRecord]
    """Record by path of each dependency, but for settings."""
    params: dict[str, Any]
    """Value by ``params.yaml:<key>`` of each setting."""
    outs: dict[str, OutRecord]
    """Record by path of each output."""


def parse_lock(content: bytes, *, name: str) -> dict[str, LockedStage]:
    """The stages of a lock; ``name`` is what messages call it.

    Raises:
        LineageError: Where it is no lock.
    """
    try:
        return {stage: _stage(found) for stage, found in load_yaml(content)["stages"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LineageError(
            f"{name} is no dvc.lock that can be read ({' '.join(str(error).split())})"
        ) from None


def _stage(found: Mapping[str, Any]) -> LockedStage:
    return LockedStage(
        deps=_records(found.get("deps", ())),
        params={
            f"{path}:{key}": value
            for path, values in found.get("params", {}).items()
            for key, value in values.items()
        },
        outs=_records(found.get("outs", ())),
    )


def _records(listed: Iterable[Mapping[str, Any]]) -> dict[str, OutRecord]:
    return {
        entry["path"]: OutRecord(
            hash=entry["md5"], size=entry.get("size", 0), files=entry.get("nfiles", 1)
        )
        for entry in listed
    }
