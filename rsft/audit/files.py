"""Hashing files of a folder again."""

import time
from collections.abc import Sequence
from pathlib import Path

from rsft.audit.findings import Findings, Hashing
from rsft.lineage import PlainFolder, hash_objects
from rsft.types import Progress


def files_below(folder: Path) -> list[str]:
    """Paths of the files below a folder, without what Python leaves where it reads a module."""
    return [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]


def hash_files(
    place: str, folder: Path, names: Sequence[str], findings: Findings, progress: Progress
) -> dict[str, str | None]:
    """MD5 by path of files in a folder; null where one cannot be read.

    Args:
        place: What people call the folder.
        folder: The folder.
        names: The files, by their path in it.
        findings: Where it is told how much was hashed.
        progress: Told how many are done.
    """
    started = time.perf_counter()
    hashed = hash_objects(PlainFolder(name=place, folder=folder), names, progress)
    findings.hashed.append(
        Hashing(
            place=place,
            objects=len(hashed),
            bytes=sum(each.size for each in hashed.values()),
            seconds=time.perf_counter() - started,
        )
    )
    return {name: each.hash for name, each in hashed.items()}
