"""Which objects something names: a commit that a tag or a branch leads to, or a checkout.

Whatever reads like a hash in a lock, a pointer or a manifest counts, that of a stage too which is
no more: what is kept in vain costs a disk something, what is not kept is lost.
"""

import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from rsft.errors import LineageError
from rsft.lineage.cache import Member, is_folder
from rsft.lineage.git import read_blobs, run_git
from rsft.lineage.purging import read_rests
from rsft.lineage.runs import MANIFEST, RunRecord
from rsft.lineage.workspace import LOCK, Workspace
from rsft.lineage.worktrees import list_worktrees

_NAMED = re.compile(rb"\b(?:md5|hash)[\"']?\s*:\s*[\"']?([0-9a-f]{32}(?:\.dir)?)\b")
_POINTER = ".dvc"
_TOGETHER = 256
"""Files of commits read at once; a lock has a hundred kilobytes."""


def named_objects(workspace: Workspace) -> set[str]:
    """Hashes that commits, checkouts and purges name, without the files of the folders among them.

    Of a purge those are the tables that it left of others' rows; no lock names them.
    """
    named = set(read_rests(workspace).values())
    for content in (*_committed(workspace.root), *_checked_out(workspace)):
        named.update(found.decode() for found in _NAMED.findall(content))
    return named


def with_members(
    named: Collection[str],
    runs: Collection[RunRecord],
    purged: Collection[str],
    files_of: Callable[[str], Collection[Member]],
) -> set[str]:
    """Hashes, and those of the files in the folders among them.

    Args:
        named: The hashes.
        runs: Those whose data sets must be whole.
        purged: Objects that were deleted on purpose.
        files_of: Gives the files of a folder.

    Raises:
        LineageError: Where it is not to be known which files a run's data set has.
    """
    folders = {md5 for md5 in named if is_folder(md5)} - set(purged)
    whole = set(named)
    lost = set()
    for md5 in folders:
        try:
            whole.update(member.hash for member in files_of(md5))
        except LineageError:
            lost.add(md5)  # or it is a folder of code, which is in git and in no cache
    for run in runs:
        for path, md5 in _outs(run):
            if md5 in lost:
                raise LineageError(
                    f"{run.tag}: the list of the files in {path} ({md5}) is neither in the cache "
                    "nor the remote, so nothing can be freed safely; bring it back (`dvc fetch "
                    "--all-tags`), or delete the tag if the run is to be forgotten"
                )
    return whole


def _outs(run: RunRecord) -> Iterator[tuple[str, str]]:
    """Path and hash of each data set that a run made or was given."""
    told: Any = run.manifest
    try:
        listed = [stage["outs"] for stage in told["stages"].values()]
        listed.append(told.get("inputs", {}))
        yield from ((path, out["hash"]) for outs in listed for path, out in outs.items())
    except (KeyError, TypeError, AttributeError):
        return  # another's tag: its lock counts all the same


def _committed(root: Path) -> Iterator[bytes]:
    """Locks, manifests and pointers of all commits that a name leads to."""
    listed = run_git(root, "for-each-ref", "--format=%(objectname) %(*objectname)")
    commits = {line.split()[-1] for line in listed.splitlines()}
    names = [f"{commit}:{path}" for commit in sorted(commits) for path in (LOCK, MANIFEST)]
    # Of a history git tells each content once, by one of its paths.
    history = run_git(root, "rev-list", "--objects", "--all").split("\n")
    names += [line.split()[0] for line in history if line.endswith((LOCK, _POINTER))]
    for start in range(0, len(names), _TOGETHER):
        blobs = read_blobs(root, names[start : start + _TOGETHER])
        yield from (blob for blob in blobs if blob is not None)


def _checked_out(workspace: Workspace) -> Iterator[bytes]:
    """Locks and pointers that lie in the checkouts, committed or not; what a killed run made."""
    asked = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", f"*{_POINTER}")
    for root in filter(Path.is_dir, list_worktrees(workspace)):
        pointers = [root / name for name in run_git(root, *asked).split("\0") if name]
        recorded = Workspace(root=root, home=workspace.home).recorded
        for file in (*pointers, root / LOCK, recorded):
            if file.is_file():
                yield file.read_bytes()
