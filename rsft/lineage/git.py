"""git, called by name with an argument list.

The user's hooks are for the user's commits: none of them runs here. Nor can git ask anything on the
terminal, where a scheduled run would wait for ever. What it reads is there whole before it begins:
it outlives a caller that is killed, and would take half a message, or none, for all of it.
"""

import errno
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rsft.errors import WorkspaceError
from rsft.lineage.room import no_room

_QUIET = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")

_LONGEST_HEAD = 4096
"""Bytes of the line before an object's content: its name, where there is no such object."""


def run_git(
    folder: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    given: str | None = None,
    patience: float | None = None,
) -> str:
    """Runs git in a folder and gives what it printed, without the last line break.

    Args:
        folder: Where.
        arguments: The command and its arguments.
        environment: Variables besides those that there are.
        given: What it reads.
        patience: Seconds it may take, where it may ask for a passphrase; then it is killed.

    Raises:
        WorkspaceError: Where git is not installed, or fails; with its last line.
        LineageError: Where the disk is full.
    """
    if shutil.which("git") is None:
        raise WorkspaceError("git is not installed; runs are pinned by git tags, so install it")
    with _input(given) as read:
        process = subprocess.Popen(
            ["git", *_QUIET, *arguments],
            cwd=folder,
            env=os.environ | dict(environment or {}),
            stdin=read,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="surrogateescape",  # file names are bytes
            start_new_session=True,
        )
    try:
        printed, told = process.communicate(timeout=patience)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        told = f"it did not end within {patience:g} s"
    if process.returncode:
        if os.strerror(errno.ENOSPC) in told:
            raise no_room(f"git {arguments[0]}", folder / ".git")
        lines = told.strip().splitlines() or [f"exit code {process.returncode}"]
        raise WorkspaceError(f"git {arguments[0]} failed in {folder}: {lines[-1]}")
    return printed.rstrip("\n")


@contextmanager
def _input(given: str | None) -> Iterator[IO[bytes] | int]:
    """What a process is to read: nothing, or a file that holds all of it."""
    if given is None:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(given.encode("utf-8", "surrogateescape"))
        file.seek(0)
        yield file


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
