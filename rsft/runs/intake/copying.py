"""A private copy of a file that somebody brings, so that what is hashed is what is taken in.

The file may be replaced meanwhile: it is opened once, and read once. Memory is bounded, whatever
its size and however long its lines.
"""

import codecs
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from rsft.errors import PromptsError

_CHUNK = 1 << 20
_LONGEST_LINE = 1 << 24
"""Characters; one prompt is not longer."""


class UnusableFileError(PromptsError):
    """What somebody brings is no file of prompts, whatever the workspace is like."""


def copy_in(file: Path, target: Path, *, follow: bool) -> str:
    """Copies a file, and checks that it is UTF-8 as a whole.

    Args:
        file: What somebody brings.
        target: Where the copy goes.
        follow: Whether it may be a symbolic link: not where others than the user put it there.

    Returns:
        SHA-256 of what was read.

    Raises:
        UnusableFileError: Where it is no plain file, cannot be read, or is not UTF-8.
        PromptsError: Where it was written on while it was read.
    """
    try:
        # Not to wait for ever where it is a pipe that nobody writes into.
        flags = os.O_RDONLY | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
        descriptor = os.open(file, flags)
    except OSError as error:
        if not follow and file.is_symlink():
            raise UnusableFileError(f"{file}: a symbolic link; put the file itself there") from None
        raise UnusableFileError(
            f"{file}: cannot be read ({error.strerror}); check the name"
        ) from None
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        os.close(descriptor)
        what = "a folder" if stat.S_ISDIR(before.st_mode) else "no plain file"
        raise UnusableFileError(f"{file}: {what}; name a file of one JSON object a line")
    with os.fdopen(descriptor, "rb") as source:
        digest = hashlib.sha256()
        with target.open("wb") as copy:
            for chunk in _checked(source, file):
                digest.update(chunk)
                copy.write(chunk)
        after = os.fstat(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise PromptsError(
            f"{file}: written on while it was read; write it under another name and rename it "
            "when it is whole"
        )
    return digest.hexdigest()


def _checked(source: BinaryIO, file: Path) -> Iterator[bytes]:
    """The chunks of a file, each once it is known to be UTF-8."""
    decoder, place = codecs.getincrementaldecoder("utf-8")(), 0
    while True:
        chunk = source.read(_CHUNK)
        start = place - len(decoder.getstate()[0])
        try:
            decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            raise UnusableFileError(
                f"{file}: not UTF-8 at byte {start + error.start}; save it as UTF-8"
            ) from None
        if not chunk:
            return
        place += len(chunk)
        yield chunk


def read_lines(file: Path) -> Iterator[tuple[int, str | None]]:
    """The lines of a file of UTF-8 by number, those of white space alone left out.

    Of a line that is too long nothing is given: it is null.
    """
    number = 0
    with file.open(encoding="utf-8-sig") as source:  # some editors put a byte order mark first
        while line := source.readline(_LONGEST_LINE):
            number += 1
            is_whole = line.endswith("\n") or len(line) < _LONGEST_LINE
            while not line.endswith("\n") and len(line) == _LONGEST_LINE:
                line = source.readline(_LONGEST_LINE)
            if not is_whole:
                yield number, None
            elif line.strip():
                yield number, line.rstrip("\n")


def count_lines(file: Path) -> int:
    """How many lines a file has, as its prompts without an id are numbered by."""
    with file.open(encoding="utf-8-sig") as source:
        return sum(text.count("\n") for text in iter(lambda: source.read(_CHUNK), ""))
