"""Pushing what runs made to DVC's remote: object by object, by the hashes in their manifests.

What is owed is noted before a run's tag is made, so that a remote that is full, away or not yet
set, or a kill in between, costs nothing: the next run pushes it. A run that never got its tag owes
nothing: no other run takes its id. DVC's own push goes by the ``dvc.lock`` that lies in the
checkout, says nothing of an object that it could not find, and takes its word for what it wrote;
here the remote is asked afterwards.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsft.addresses import one_line, without_secrets
from rsft.errors import LineageError
from rsft.lineage.cache import Cache, is_folder
from rsft.lineage.purging import read_purged
from rsft.lineage.repository import open_repository
from rsft.lineage.runs import RunRecord, read_runs
from rsft.lineage.stores import NEW_KEYS, is_refusal, open_remote, require_reached
from rsft.lineage.workspace import Workspace
from rsft.lineage.worktrees import list_worktrees

_AGAIN = "; the next run tries again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What became of a push."""

    remote: str | None
    """The remote's address, without secrets; null where none is set."""
    runs: Sequence[str]
    """Ids of the runs whose objects it was to push."""
    objects: int
    """Objects that the remote did not have and now has."""
    problem: str | None
    """Why some are not there, in one line; null where all are."""

    @property
    def line(self) -> str | None:
        """What a person should know of it; null where all went well."""
        if self.remote is None:
            return (
                "no DVC remote is set, so the run's data is in the cache alone; `dvc remote add "
                "--default NAME URL` sets one, and the next run pushes this one too"
            )
        if self.problem is None:
            return None
        return f"not pushed to {self.remote}: {self.problem}"


def owed_runs(workspace: Workspace) -> list[str]:
    """Ids of the runs whose data the remote still lacks; the next run pushes it."""
    names = {mark.name for mark in _owed(workspace).glob("*")}
    return sorted(run.run_id for run in read_runs(workspace) if run.run_id in names)


def owe_push(workspace: Workspace, run_id: str) -> None:
    """Notes that a run's objects are to be pushed; to be called before its tag is made."""
    owed = _owed(workspace)
    owed.mkdir(parents=True, exist_ok=True)
    (owed / run_id).touch()


def push_owed(workspace: Workspace) -> Push:
    """Pushes the objects of the runs that owe it: the last one, and those not pushed so far.

    Args:
        workspace: A checkout that has their tags.
    """
    owed = _owed(workspace)
    names = {mark.name for mark in owed.iterdir()}
    is_alone = not _others_at_work(workspace)  # asked before the tags: who ends meanwhile has one
    runs = [run for run in read_runs(workspace) if run.run_id in names]
    if is_alone:
        for name in names - {run.run_id for run in runs}:
            (owed / name).unlink(missing_ok=True)
    with open_repository(workspace) as repo:
        done, is_owed = _push(repo, Cache(workspace), runs, set(read_purged(workspace)))
    if not is_owed:
        for run in runs:
            (owed / run.run_id).unlink(missing_ok=True)
    return done


def _others_at_work(workspace: Workspace) -> bool:
    """Whether a run that has no tag yet may be about to get it, in another checkout."""
    others = [root for root in list_worktrees(workspace) if root != workspace.root]
    return any(Workspace(root=root, home=workspace.home).held_by() for root in others)


def _owed(workspace: Workspace) -> Path:
    """Holds an empty file for each run that is to be pushed."""
    return workspace.home / ".rsft" / "unpushed"


def _push(
    repo: Any, cache: Cache, runs: Sequence[RunRecord], purged: set[str]
) -> tuple[Push, bool]:
    """What became of it, and whether there is something to try again."""
    ids = [run.run_id for run in runs]
    name = repo.config["core"].get("remote")
    if name is None:
        return Push(remote=None, runs=ids, objects=0, problem=None), True
    url = without_secrets(str(repo.config["remote"].get(name, {}).get("url", name)))
    found = {out: _objects(cache, out) for run in runs for out in _outs(run)}
    by_out = {out: objects for out, objects in found.items() if not objects & purged}
    wanted = set().union(*by_out.values())
    try:
        before, after, errors = _transfer(open_remote(repo, name), cache, by_out)
    except Exception as error:  # noqa: BLE001  # whatever the remote has, the run goes on
        return Push(remote=url, runs=ids, objects=0, problem=f"{_why(error)}{_AGAIN}"), True
    gone = {oid for oid in wanted - after if not cache.object(oid).exists()}
    # The list of a folder is held back where one of its files is in neither place.
    held_back = {out for out, objects in by_out.items() if gone & objects}
    left = wanted - after - gone - held_back
    told = []
    if left:
        why = f" ({_why(errors[0])})" if errors else ""
        told.append(f"{len(left):,} of {len(wanted):,} objects{why}{_AGAIN}")
    if gone:
        told.append(f"{len(gone):,} that the cache has no more, `rsft audit` names them")
    problem = "; ".join(told) or None
    return Push(remote=url, runs=ids, objects=len(after - before), problem=problem), bool(left)


def _why(error: BaseException) -> str:
    return f"{one_line(error)}; {NEW_KEYS}" if is_refusal(error) else one_line(error)


def _transfer(
    remote: Any, cache: Cache, by_out: Mapping[str, set[str]]
) -> tuple[set[str], set[str], Sequence[BaseException]]:
    """Those of the objects that the remote had, those that it has now, and what went wrong."""
    wanted = set().union(*by_out.values())
    before = _there(remote, wanted)
    if before == wanted:
        return before, before, []
    files = {oid for oid in wanted if not is_folder(oid)}
    errors = _send(remote, cache, files - before)
    there = _there(remote, files)
    whole = {out for out, objects in by_out.items() if objects - {out} <= there}
    errors += _send(remote, cache, whole - files - before)
    return before, _there(remote, wanted), errors


def _send(remote: Any, cache: Cache, objects: set[str]) -> list[BaseException]:
    """Copies what the cache has of some objects to the remote; why some are not there then.

    Raises:
        Exception: Where the remote is away: once, whatever is left to be sent.
    """
    from dvc.fs import LocalFileSystem

    halves, errors = _halves(remote), []
    sent = sorted(oid for oid in objects if cache.object(oid).exists())
    for start in range(0, len(sent), remote.fs.jobs):
        batch = sent[start : start + remote.fs.jobs]
        failed: list[BaseException] = []
        remote.add(
            [str(cache.object(oid)) for oid in batch],
            LocalFileSystem(),
            batch,
            check_exists=False,
            verify=False,  # the audit does
            on_error=lambda _, error, failed=failed: failed.append(error),
        )
        if failed:
            require_reached(remote)
        errors += failed
    if errors:
        for file in _halves(remote) - halves:
            file.unlink(missing_ok=True)
    return errors


def _there(remote: Any, objects: set[str]) -> set[str]:
    """Those of the objects that the remote has."""
    return set(remote.oids_exist(sorted(objects)))


def _halves(remote: Any) -> set[Path]:
    """What DVC leaves of copies that failed, which would fill a local disk to the last byte."""
    is_local = remote.fs.protocol == "local"
    return set(Path(remote.path).glob("??/.*.tmp")) if is_local else set()


def _outs(run: RunRecord) -> Iterator[str]:
    """Hashes of what a run made, and of what it was given."""
    for stage in run.stages.values():
        yield from (out.hash for out in stage.outs.values())
    yield from (out["hash"] for out in run.manifest.get("inputs", {}).values())


def _objects(cache: Cache, out: str) -> set[str]:
    """The objects of a data set; a folder's list comes with its files, if it is there."""
    try:
        return {out, *(member.hash for member in cache.members(out))}
    except LineageError:
        return {out}
