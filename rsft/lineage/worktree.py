"""Worktrees of deployed runs, which ``flows/worktree.sh`` makes."""

import os

from rsft.lineage.git import run_git
from rsft.lineage.workspace import Workspace


def remove_worktree(workspace: Workspace) -> None:
    """Removes a deployed run's worktree, and makes its main checkout the current folder.

    What it made is in the cache and in its tag. A worktree that somebody made is left alone.

    Raises:
        WorkspaceError: Where git cannot remove it.
    """
    if workspace.home / ".rsft" / "worktrees" not in workspace.root.parents:
        return
    os.chdir(workspace.home)
    run_git(workspace.home, "worktree", "remove", "--force", str(workspace.root))
