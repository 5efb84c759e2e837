"""What was deleted on purpose, by annotated tags ``purge/<n>``: their bodies say what and why."""

import json
from dataclasses import dataclass

from rsft.lineage.git import run_git
from rsft.lineage.workspace import Workspace

_FIELDS = "%1f".join(
    f"%({field})"
    for field in ("refname:strip=2", "objecttype", "taggerdate:iso-strict", "contents:body")
)
_END = "%1e"


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """A deletion."""

    tag: str
    """``purge/<n>``."""
    at: str
    """When, in ISO 8601."""
    reason: str
    """Why."""


def read_purges(workspace: Workspace) -> dict[str, Purge]:
    """By hash of each object that was deleted on purpose, by which record."""
    command = ("for-each-ref", f"--format={_FIELDS}{_END}", "refs/tags/purge")
    listed = run_git(workspace.root, *command)
    purged: dict[str, Purge] = {}
    for part in listed.split("\x1e")[:-1]:
        tag, kind, at, body = part.lstrip("\n").split("\x1f")
        if kind == "tag":
            hashes, reason = _told(body)
            purged |= dict.fromkeys(hashes, Purge(tag=tag, at=at, reason=reason))
    return purged


def _told(body: str) -> tuple[list[str], str]:
    """The hashes and the reason in a tag's body; none where it is another's tag."""
    try:
        told = json.loads(body)
        return list(map(str, told["hashes"])), str(told["reason"])
    except (ValueError, KeyError, TypeError):
        return [], ""
