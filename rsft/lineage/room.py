"""A disk that is full, in one line: which one, and how much is needed."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rsft.errors import LineageError

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def told_where_full(what: str, place: Path, needed: int | None = None) -> Iterator[None]:
    """Turns what the system raises where a disk is full into a ``LineageError``.

    Args:
        what: What cannot be written.
        place: Where to, in case that the system does not say.
        needed: Bytes of it; null where they are not known.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise no_room(what, Path(error.filename or place), needed) from None


def no_room(what: str, place: Path, needed: int | None = None) -> LineageError:
    """The error where there is no room for something."""
    there = next(folder for folder in (place, *place.absolute().parents) if folder.exists())
    free = f"{shutil.disk_usage(there).free:,} bytes free"
    asked = "" if needed is None else f", {needed:,} needed"
    return LineageError(
        f"{what}: it could not be written to {place} ({free}{asked}); nothing of it is recorded, "
        "what was finished before is kept: make room (`rsft gc` may) and run again"
    )
