"""The watched folder: what is dropped into ``data/incoming`` is taken in and moved away.

    NAME ─► done/TIME-NAME, or refused/TIME-NAME where no line of it is of use; and a report of each

A file that is still being written must not be read: one is left alone until nobody has touched it
for some seconds, and while its name begins with a dot or ends in ``.tmp`` or ``.part``. What was
taken in and not moved, because the machine went down in between, is known the next time.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rsft.config import INCOMING, Config
from rsft.errors import PromptsError
from rsft.lineage import Addition, Workspace
from rsft.runs.intake.copying import UnusableFileError
from rsft.runs.intake.taking import take_in

_SETTLED_SECONDS = 5.0
_UNFINISHED = (".tmp", ".part")
_LONGEST_NAME = 200
"""Bytes of a name that are kept: with the time before and what a report's ends in, 255 may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a file in the watched folder."""

    name: str
    """Its name."""
    moved_to: Path
    """Where it lies now."""
    addition: Addition | None
    """What came of its lines; null where it could not be used at all."""
    problem: str | None
    """Why it could not; null where it could."""

    def as_dict(self) -> dict[str, Any]:
        """What became of it as JSON has it."""
        return {
            "name": self.name,
            "moved_to": str(self.moved_to),
            "problem": self.problem,
            "addition": None if self.addition is None else self.addition.as_dict(),
        }


def take_folder(
    workspace: Workspace,
    config: Config,
    *,
    on_wait: Callable[[str], None] | None = None,
    folder: Path = INCOMING,
) -> Iterator[Taken]:
    """Takes in each file that lies in a folder, in order of name; the folder is made.

    Args:
        workspace: The checkout, which must be the current folder.
        config: Its settings.
        on_wait: As ``Workspace.hold``.
        folder: The folder.

    Raises:
        RsftError: Where the workspace cannot take any in; what is left in the folder stays there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(folder.iterdir()):
        if file.name in ("done", "refused") or not _is_settled(file):
            continue
        addition, problem = None, None
        try:
            addition = take_in(workspace, config, file, follow=False, on_wait=on_wait)
        except UnusableFileError as error:
            problem = str(error)
        is_of_use = addition is not None and addition.new + addition.known > 0
        moved_to = _move(file, folder / ("done" if is_of_use else "refused"))
        taken = Taken(name=file.name, moved_to=moved_to, addition=addition, problem=problem)
        _report(taken)
        yield taken


def _is_settled(file: Path) -> bool:
    if file.name.startswith(".") or file.name.endswith(_UNFINISHED):
        return False
    try:
        # A file that comes from a clock ahead of ours is not waited for.
        return abs(time.time() - file.lstat().st_mtime) >= _SETTLED_SECONDS
    except FileNotFoundError:  # whoever put it there has taken it away
        return False


def _move(file: Path, folder: Path) -> Path:
    name = os.fsdecode(os.fsencode(file.name)[-_LONGEST_NAME:])
    try:
        folder.mkdir(exist_ok=True)
        return file.rename(folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{name}")
    except OSError as error:
        raise PromptsError(
            f"{file}: what is of use of it was taken in, but it cannot be moved to {folder} "
            f"({error.strerror}); see to that, for what comes after it waits"
        ) from None


def _report(taken: Taken) -> None:
    report = taken.moved_to.with_name(f"{taken.moved_to.name}.report.json")
    report.write_text(json.dumps(taken.as_dict(), indent=2) + "\n", encoding="utf-8")
