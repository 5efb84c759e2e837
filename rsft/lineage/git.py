"""git, called by name with an argument list."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from rsft.errors import WorkspaceError


def run_git(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Runs git in a folder and gives what it printed, without the last line break.

    Raises:
        WorkspaceError: Where git is not installed, or fails; with its last line.
    """
    if shutil.which("git") is None:
        raise WorkspaceError("git is not installed; runs are pinned by git tags, so install it")
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=os.environ | dict(environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise WorkspaceError(f"git {arguments[0]} failed in {folder}: {lines[-1]}")
    return done.stdout.rstrip("\n")
