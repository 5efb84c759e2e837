"""The next version of the training file: what is there, then what is taken in; whole or not."""

import os
import shutil
from pathlib import Path
from typing import Self

from rsft.errors import PromptsError
from rsft.lineage import file_md5, pointer_of
from rsft.runs.intake.copying import count_lines


class NextVersion:
    """A file that grows beside another until it takes its place; a context that leaves none."""

    def __init__(self, file: Path, temporary: Path) -> None:
        """Begins with what is there.

        Args:
            file: The training file; it need not be there.
            temporary: Where the next version grows, on the same file system.
        """
        self._file = file
        self._temporary = temporary
        if _is_there(file):
            shutil.copyfile(file, temporary)
        else:
            temporary.write_bytes(b"")
        self._out = temporary.open("r+b")
        self._end_line()
        self.lines = count_lines(temporary)
        """Lines so far."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        try:
            self._out.close()  # which writes, and fails again where the disk is full
        finally:
            self._temporary.unlink(missing_ok=True)

    def append(self, line: str) -> None:
        """Adds a line."""
        self._out.write(line.encode() + b"\n")
        self.lines += 1

    def commit(self) -> None:
        """Takes the file's place.

        A link to DVC's cache is replaced, never written through.

        Raises:
            PromptsError: Where its folder cannot be written.
        """
        self._out.flush()
        os.fsync(self._out.fileno())
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._temporary.replace(self._file)
        except OSError as error:
            raise PromptsError(
                f"{self._file}: cannot be written ({error.strerror}); nothing was added"
            ) from None
        folder = os.open(self._file.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def _end_line(self) -> None:
        """Ends the last line where an editor did not."""
        size = self._out.seek(0, os.SEEK_END)
        if size:
            self._out.seek(-1, os.SEEK_END)
            if self._out.read(1) != b"\n":
                self._out.write(b"\n")
        self._out.flush()


def _is_there(file: Path) -> bool:
    """Whether a file is there; one that only its pointer tells of must not be begun anew.

    Raises:
        PromptsError: Where it is DVC's, and was not fetched.
    """
    if file.exists():
        return True
    pointer = pointer_of(file)
    if pointer.exists() or file.is_symlink():
        raise PromptsError(f"{file}: is not here, but DVC has it; `dvc pull {pointer}` brings it")
    return False


def md5_if_there(file: Path) -> str:
    """MD5 of a file, as DVC names it; empty where there is none."""
    return file_md5(file) if file.exists() else ""
