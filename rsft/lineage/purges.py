"""What was deleted on purpose, by annotated tags ``purge/<n>``: their bodies say what and why."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rsft.lineage.git import run_git
from rsft.lineage.workspace import Workspace

PURGE_TAGS = "purge/"
"""What the names of purges' tags begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeRecord:
    """A purge on record."""

    tag: str
    """``purge/<n>``."""
    hashes: tuple[str, ...]
    """The objects that it deleted, by MD5."""
    reason: str
    """Why."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What else whoever purged had to say."""


def read_purges(workspace: Workspace) -> list[PurgeRecord]:
    """The purges on record, the oldest first."""
    form = "--format=%(refname:strip=2)%00%(contents:body)%00"
    command = ("for-each-ref", form, "--sort=version:refname", f"refs/tags/{PURGE_TAGS}")
    fields = run_git(workspace.root, *command).split("\0")[:-1]
    tags = zip(fields[::2], fields[1::2], strict=True)
    return [record for tag, body in tags if (record := _read(tag.lstrip("\n"), body)) is not None]


def _read(tag: str, body: str) -> PurgeRecord | None:
    """What a tag says; null where it is another's."""
    try:
        told = json.loads(body)
        kind, hashes, reason = told.pop("kind"), told.pop("hashes"), told.pop("reason")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if kind != "purged" or not tag.removeprefix(PURGE_TAGS).isdecimal():
        return None
    return PurgeRecord(tag=tag, hashes=tuple(map(str, hashes)), reason=reason, details=told)
