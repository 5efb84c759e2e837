"""The checkouts that share a cache: the main one and its linked worktrees."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rsft.lineage.git import run_git
from rsft.lineage.workspace import LOCK, Workspace

_AS_IT_IS = (":(exclude)data/raw", ":(exclude)prefect.yaml")
"""What deployed runs, and their deploying, take from the checkout itself, committed or not."""


def list_worktrees(workspace: Workspace) -> list[Path]:
    """All checkouts that share the cache: the main one and its linked worktrees."""
    listed = run_git(workspace.root, "worktree", "list", "--porcelain", "-z")
    fields = listed.split("\0")
    return [Path(line.removeprefix("worktree ")) for line in fields if line.startswith("worktree ")]


@contextmanager
def hold_checkouts(workspace: Workspace, work: str) -> Iterator[None]:
    """Holds all workspaces that share the cache: no run adds what is not in a plan, or loses it.

    In one that is made meanwhile no run begins.

    Args:
        workspace: One of them.
        work: What for, as whoever finds them held is told.

    Raises:
        WorkspaceError: Where a run holds one of them.
    """
    with ExitStack() as held:
        held.callback(workspace.lock_all().release)
        for root in list_worktrees(workspace):
            if (root / "dvc.yaml").exists():  # else it was removed by hand, or is bare
                held.enter_context(Workspace(root=root, home=workspace.home).hold_alone(work))
        yield


def is_edited(root: Path) -> bool:
    """Whether a checkout has something that its commit has not, but for the lock of its run."""
    return run_git(root, "status", "--porcelain", "-z").strip("\0") not in ("", f"?? {LOCK}")


def uncommitted(root: Path) -> list[str]:
    """Files of a checkout that were edited since its commit, at which deployed runs work.

    Args:
        root: The checkout.
    """
    asked = ("status", "--porcelain", "-z", "--untracked-files=no", "--no-renames")
    listed = run_git(root, *asked, "--", ".", *_AS_IT_IS)
    return [entry[len("XY ") :] for entry in listed.split("\0") if entry]


def remove_worktree(workspace: Workspace, root: Path) -> None:
    """Removes a linked worktree, whatever lies in it."""
    run_git(workspace.home, "worktree", "remove", "--force", "--", str(root))


def quit_worktree(workspace: Workspace) -> None:
    """Removes a deployed run's worktree, and makes its main checkout the current folder.

    What it made is in the cache and in its tag. A worktree that somebody made is left alone.

    Raises:
        WorkspaceError: Where git cannot remove it.
    """
    if workspace.home / ".rsft" / "worktrees" not in workspace.root.parents:
        return
    os.chdir(workspace.home)
    remove_worktree(workspace, workspace.root)
