"""What was deleted on purpose, by annotated tags ``purge/<n>``: their bodies say what and why."""

import json
from dataclasses import dataclass

from rsft.lineage.git import run_git
from rsft.lineage.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeRecord:
    """A purge on record."""

    tag: str
    """``purge/<n>``."""
    hashes: tuple[str, ...]
    """The objects that it deleted, by MD5."""
    reason: str
    """Why."""


def read_purges(workspace: Workspace) -> list[PurgeRecord]:
    """The purges on record, the oldest first."""
    form = "--format=%(refname:strip=2)%00%(contents:body)%00"
    command = ("for-each-ref", form, "--sort=version:refname", "refs/tags/purge/")
    fields = run_git(workspace.root, *command).split("\0")[:-1]
    tags = zip(fields[::2], fields[1::2], strict=True)
    return [record for tag, body in tags if (record := _read(tag.lstrip("\n"), body)) is not None]


def _read(tag: str, body: str) -> PurgeRecord | None:
    """What a tag says; null where it is another's."""
    try:
        told = json.loads(body)
        return PurgeRecord(tag=tag, hashes=tuple(map(str, told["hashes"])), reason=told["reason"])
    except (ValueError, KeyError, TypeError):
        return None
