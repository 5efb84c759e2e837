"""Files beside the data sets that no run needs: scratch worktrees, drafts, old logs.

What a run that failed left is not among them: the next run goes on from it.
"""

import math
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import psutil

from rsft.audit.checkout import run_of_checkout
from rsft.errors import LineageError, WorkspaceError
from rsft.lineage import (
    Cache,
    RunRecord,
    Workspace,
    glob_inside,
    is_edited,
    list_worktrees,
    read_run,
    read_tagged,
    remove_worktree,
)

WORKTREES = "scratch worktrees"
_DRAFTS = ("ledger", "scores", "training")
"""Folders of a workspace with work that a stage can go on with."""
_JUST_MADE = 3600.0
"""Seconds for which a worktree may be one that a run is about to start in."""
_OLD_LOG = 30 * 86400.0
"""Seconds after which a log is old that nothing writes to."""


def find_remains(workspace: Workspace, cache: Cache) -> dict[str, list[Path]]:
    """Files and folders that can go, by kind; for whoever holds all checkouts."""
    scratch = list(_scratch(workspace))
    kept = [root for root in list_worktrees(workspace) if root.is_dir() and root not in scratch]
    logs = glob_inside(workspace.home, ".rsft/logs/**/*")
    return {
        WORKTREES: scratch,
        "work of runs that ended": [path for root in kept for path in _ended(workspace, root)],
        "temporary files": list(_temporary(workspace, cache)),
        "old logs": [log for log in logs if log.is_file() and _age(log) > _OLD_LOG],
    }


def bytes_of(paths: Iterable[Path]) -> dict[str, int]:
    """Bytes below each path; what links lead to is not theirs."""
    return {str(path): sum(file.lstat().st_size for file in _files(path)) for path in paths}


def remove(workspace: Workspace, kind: str, paths: Iterable[Path]) -> None:
    """Removes files and folders; links in them, not what they lead to.

    Raises:
        WorkspaceError: Where one cannot be removed.
    """
    linked = list_worktrees(workspace)
    for path in paths:
        try:
            if kind == WORKTREES and path in linked:
                remove_worktree(workspace, path)
            elif path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise WorkspaceError(
                f"{error.filename} cannot be removed ({error.strerror}); what is left goes next "
                "time"
            ) from None


def _scratch(workspace: Workspace) -> Iterator[Path]:
    """Worktrees of scheduled runs in which nothing is under way, and what is left of such."""
    linked, busy = list_worktrees(workspace), list(_working_folders())
    for tree in sorted(glob_inside(workspace.home, ".rsft/worktrees/*")):
        mark = tree / ".git"  # touched for each run that is about to start there
        if _age(mark if mark.exists() else tree) < _JUST_MADE:
            continue
        if any(folder.is_relative_to(tree) for folder in busy):
            continue
        if tree not in linked or _is_done(workspace, tree):
            yield tree


def _is_done(workspace: Workspace, root: Path) -> bool:
    """Whether all that lies in a checkout is in a commit, or on record as a run's."""
    if is_edited(root) or Workspace(root=root, home=workspace.home).recorded.exists():
        return False
    run, lock = _last_run(workspace, root), root / "dvc.lock"
    if run is None:
        return not lock.exists() and not any(_drafts(root))
    is_lock = lock.exists() and lock.read_bytes() == read_tagged(workspace, run, "dvc.lock")
    return is_lock and len(list(_ended(workspace, root))) == len(list(_drafts(root)))


def _ended(workspace: Workspace, root: Path) -> Iterator[Path]:
    """Drafts of a checkout that were not touched since the last run that ended in it began."""
    run = _last_run(workspace, root)
    began = -math.inf if run is None else _began(run)
    for draft in _drafts(root):
        if all(file.lstat().st_mtime < began for file in _files(draft)):
            yield draft


def _began(run: RunRecord) -> float:
    """When a run began, in seconds; long ago where its tag, as another's may, does not say.

    So it is where the clock was ahead then: what was left since would look older than the run.
    """
    try:
        began = datetime.fromisoformat(run.manifest["began_at"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return -math.inf
    return began if began <= time.time() else -math.inf


def _drafts(root: Path) -> Iterator[Path]:
    for name in _DRAFTS:
        yield from glob_inside(root, f".rsft/{name}/*")


def _last_run(workspace: Workspace, root: Path) -> RunRecord | None:
    tag = run_of_checkout(root)
    try:
        return None if tag is None else read_run(workspace, tag)
    except LineageError:
        return None


def _temporary(workspace: Workspace, cache: Cache) -> Iterator[Path]:
    """What a process that was killed was writing."""
    yield from glob_inside(cache.folder, "??/.*.tmp")
    yield from glob_inside(workspace.home, ".rsft/registering")
    for root in list_worktrees(workspace):
        yield from glob_inside(root, ".rsft/*/*/.*.tmp")


def _working_folders() -> Iterator[Path]:
    for process in psutil.process_iter():
        try:
            yield Path(process.cwd())
        except (psutil.Error, OSError):
            continue  # another user's, or gone


def _files(path: Path) -> Iterator[Path]:
    if path.is_symlink() or not path.is_dir():
        yield path
        return
    for folder, _, names in os.walk(path):
        yield from (Path(folder) / name for name in names)


def _age(path: Path) -> float:
    return time.time() - path.lstat().st_mtime
