"""Purging: deleting objects for good, after a tag has said so.

The tag ``purge/<n>`` comes first, so that an object that is not there is known to be *purged by
record*, and not missing. What was to be deleted and is still there, in the cache or the remote,
goes at the next purge: one that was killed, or could not reach the remote, is gone on with.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from rsft.addresses import one_line
from rsft.errors import LineageError
from rsft.lineage.cache import Cache, is_object
from rsft.lineage.purges import next_purge, read_purges
from rsft.lineage.stores import remote_objects, require_reached
from rsft.lineage.tagging import write_tag
from rsft.lineage.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """What a purge deleted."""

    tag: str | None
    """The tag that says so; null where others say so of all of them already."""
    cached: int
    """Objects deleted from the cache."""
    remote: int | None
    """Objects deleted from the remote; null where none is configured."""


def read_purged(workspace: Workspace) -> dict[str, str]:
    """By hash of each object that was purged the tag that says so."""
    return {md5: record.tag for record in read_purges(workspace)[::-1] for md5 in record.hashes}


def read_rests(workspace: Workspace) -> dict[str, str]:
    """By hash of each table that was purged for some of its rows the object with the others."""
    found: dict[str, str] = {}
    for record in read_purges(workspace):
        rests = record.details.get("rests")
        if isinstance(rests, Mapping):
            found |= {md5: rest for md5, rest in rests.items() if is_object(rest)}
    return found


def purge_objects(
    workspace: Workspace,
    hashes: Collection[str],
    reason: str,
    details: Mapping[str, Any],
    rests: Mapping[str, str] = MappingProxyType({}),
) -> Deleted:
    """Deletes objects from the cache and the remote.

    Args:
        workspace: A checkout with the cache.
        hashes: Their MD5.
        reason: Why, in one line, for the tag.
        details: What else is to be on record, as JSON.
        rests: By hash of a table among them the object in the cache with the rows that stay.

    Raises:
        LineageError: Where the remote cannot be reached; those in the cache are deleted then, and
            the next purge deletes the others.
    """
    before = read_purged(workspace)
    new = sorted(set(hashes) - before.keys())
    tag = None
    if new:
        tag = next_purge(workspace)
        document = {"kind": "purged", "hashes": new, "reason": reason, **details}
        document |= {"rests": dict(rests)}
        write_tag(workspace.root, tag, "HEAD", f"Purge of {len(new)} objects", document)
    everything = [*before, *new]
    cache = Cache(workspace)
    cached = sum(_delete_cached(cache, md5) for md5 in everything)
    return Deleted(tag=tag, cached=cached, remote=_renew_remote(workspace, everything))


def _delete_cached(cache: Cache, md5: str) -> bool:
    try:
        cache.object(md5).unlink()
    except FileNotFoundError:
        return False
    return True


def _renew_remote(workspace: Workspace, hashes: list[str]) -> int | None:
    """Deletes objects there, and adds what stays of them; how many went, null without a remote."""
    from dvc.config import NoRemoteError
    from dvc.fs import LocalFileSystem

    cache = Cache(workspace)
    try:
        odb = remote_objects(workspace, None)
        require_reached(odb)
        for rest in filter(lambda md5: cache.object(md5).exists(), read_rests(workspace).values()):
            odb.add(str(cache.object(rest)), LocalFileSystem(), rest)
        paths = [odb.oid_to_path(md5) for md5 in hashes]
        # Not by DVC's own check, which deletes what is broken and calls it absent.
        there = [path for path in paths if odb.fs.exists(path)]
        for path in there:
            odb.fs.remove(path)
    except NoRemoteError:
        return None
    except Exception as error:  # noqa: BLE001  # each kind of remote has errors of its own
        raise LineageError(
            f"the remote cannot be purged ({one_line(error)}); what the cache held is deleted: run "
            "the same command again once the remote can be reached"
        ) from None
    return len(there)
