"""What was deleted on purpose, by annotated tags ``purge/<n>``: their bodies say what and why."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rsft.lineage.cache import is_object
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


def next_purge(workspace: Workspace) -> str:
    """The tag of the next purge; tags that are no purges have their numbers nevertheless."""
    tags = run_git(workspace.root, "tag", "--list", f"{PURGE_TAGS}*").split()
    numbers = [tag.removeprefix(PURGE_TAGS) for tag in tags]
    return f"{PURGE_TAGS}{max((int(n) for n in numbers if n.isdecimal()), default=0) + 1}"


def _read(tag: str, body: str) -> PurgeRecord | None:
    """What a tag says; null where it is another's, or names what is no object.

    What purges name is deleted, and tags are fetched from others.
    """
    try:
        told = json.loads(body)
        kind, hashes, reason = told.pop("kind"), told.pop("hashes"), told.pop("reason")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if kind != "purged" or not tag.removeprefix(PURGE_TAGS).isdecimal():
        return None
    if not isinstance(hashes, list) or not all(map(is_object, hashes)):
        return None
    if not isinstance(reason, str):
        return None
    return PurgeRecord(tag=tag, hashes=tuple(hashes), reason=reason, details=told)
