"""Purging: deleting objects for good, after a tag has said so.

The tag ``purge/<n>`` comes first, so that an object that is not there is known to be *purged by
record*, and not missing. What was to be deleted and is still there, in the cache or the remote,
goes at the next purge: one that was killed, or could not reach the remote, is gone on with.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from rsft.errors import LineageError
from rsft.lineage.cache import Cache
from rsft.lineage.git import run_git
from rsft.lineage.tagging import write_tag
from rsft.lineage.workspace import Workspace

PURGE_TAGS = "purge/"
"""What the names of purges' tags begin with."""

_END = "\x1e"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """What a purge deleted."""

    tag: str | None
    """The tag that it is recorded by; null where nothing was to be deleted that no tag names."""
    cached: int
    """Objects deleted from the cache."""
    remote: int | None
    """Objects deleted from the remote; null where none is configured."""


def read_purged(workspace: Workspace) -> dict[str, str]:
    """By hash of each object that was purged the tag that says so."""
    listed = run_git(
        workspace.root,
        *("for-each-ref", "--format=%(refname:strip=2)%00%(contents:body)%1e"),
        *("--sort=taggerdate", f"refs/tags/{PURGE_TAGS}"),
    )
    purged: dict[str, str] = {}
    for part in listed.split(_END)[:-1]:
        tag, _, body = part.lstrip("\n").partition("\0")
        for md5 in _hashes(body):
            purged.setdefault(md5, tag)
    return purged


def purge_objects(workspace: Workspace, hashes: Collection[str], reason: str) -> Deleted:
    """Deletes objects from the cache and the remote.

    Args:
        workspace: A checkout with the cache.
        hashes: Their MD5.
        reason: Why, in one line, for the tag.

    Raises:
        LineageError: Where the remote cannot be reached; those in the cache are deleted then, and
            the next purge deletes the others.
    """
    before = read_purged(workspace)
    new = sorted(set(hashes) - before.keys())
    tag = _record(workspace, set(before.values()), new, reason) if new else None
    everything = [*before, *new]
    cached = sum(_delete_cached(Cache(workspace), md5) for md5 in everything)
    return Deleted(tag=tag, cached=cached, remote=_delete_remote(workspace, everything))


def list_worktrees(workspace: Workspace) -> list[Path]:
    """All checkouts that share the cache: the main one and its linked worktrees."""
    listed = run_git(workspace.root, "worktree", "list", "--porcelain", "-z")
    fields = listed.split("\0")
    return [Path(line.removeprefix("worktree ")) for line in fields if line.startswith("worktree ")]


def _record(workspace: Workspace, tags: Collection[str], hashes: list[str], reason: str) -> str:
    numbers = [int(number) for tag in tags if (number := tag.removeprefix(PURGE_TAGS)).isdecimal()]
    tag = f"{PURGE_TAGS}{max(numbers, default=0) + 1}"
    document = {"kind": "purged", "hashes": hashes, "reason": reason}
    write_tag(workspace.root, tag, "HEAD", f"Purge of {len(hashes)} objects", document)
    return tag


def _hashes(body: str) -> list[str]:
    """Those that a tag names; none where it is no purge's."""
    try:
        document = json.loads(body)
        return [str(md5) for md5 in document["hashes"]] if document["kind"] == "purged" else []
    except (ValueError, KeyError, TypeError):
        return []


def _delete_cached(cache: Cache, md5: str) -> bool:
    try:
        cache.object(md5).unlink()
    except FileNotFoundError:
        return False
    return True


def _delete_remote(workspace: Workspace, hashes: list[str]) -> int | None:
    """How many were deleted there; null without a remote."""
    from dvc.config import NoRemoteError
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(workspace.root)) as repo:
            odb = repo.cloud.get_remote_odb(hash_name="md5")
            there = odb.oids_exist(hashes)
            for md5 in there:
                odb.fs.remove(odb.oid_to_path(md5))
    except NoRemoteError:
        return None
    except (DvcException, OSError) as error:
        line = " ".join(str(error).split())
        raise LineageError(
            f"the remote cannot be purged ({line}); what the cache held is deleted: run the same "
            "command again once the remote can be reached"
        ) from None
    return len(there)
