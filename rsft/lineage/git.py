"""git, called by name with an argument list."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from rsft.errors import WorkspaceError

_LONGEST_HEAD = 4096
"""Bytes of the line before an object's content: its name, where there is no such object."""


def run_git(
    folder: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    given: str | None = None,
) -> str:
    """Runs git in a folder and gives what it printed, without the last line break.

    Args:
        folder: Where.
        arguments: The command and its arguments.
        environment: Variables besides those that there are.
        given: What it reads.

    Raises:
        WorkspaceError: Where git is not installed, or fails; with its last line.
    """
    if shutil.which("git") is None:
        raise WorkspaceError("git is not installed; runs are pinned by git tags, so install it")
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=os.environ | dict(environment or {}),
        input=given,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",  # file names are bytes
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise WorkspaceError(f"git {arguments[0]} failed in {folder}: {lines[-1]}")
    return done.stdout.rstrip("\n")


def read_blobs(folder: Path, names: Sequence[str]) -> list[bytes | None]:
    """Contents of objects such as ``<commit>:<path>``, by one git; None where there is none.

    Raises:
        WorkspaceError: Where git fails.
    """
    command = ["git", "cat-file", "--batch"]
    given = "".join(f"{name}\n" for name in names).encode()
    done = subprocess.run(command, cwd=folder, input=given, capture_output=True, check=False)
    if done.returncode:
        raise WorkspaceError(f"git cat-file failed in {folder}: {done.stderr.decode().strip()}")
    blobs: list[bytes | None] = []
    rest = memoryview(done.stdout)
    for _ in names:
        head, end = _first_line(rest)
        if head.endswith(b" missing"):
            blobs.append(None)
            rest = rest[end:]
            continue
        size = int(head.rsplit(b" ", 1)[1])
        blobs.append(bytes(rest[end : end + size]))
        rest = rest[end + size + 1 :]
    return blobs


def _first_line(content: memoryview) -> tuple[bytes, int]:
    """The first line, and where the next begins."""
    head = bytes(content[:_LONGEST_HEAD])
    end = head.index(b"\n")
    return head[:end], end + 1
