"""A wall clock that can be set, for whichever processes are started with it."""

import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path


class Clock:
    """The machine's, set forth or back by ``set_clock.c``; times of files stay the machine's."""

    def __init__(self, file: Path) -> None:
        """Compiles what is to be preloaded.

        Args:
            file: Holds the seconds that are added.
        """
        self._file, self._library = file, file.with_suffix(".so")
        file.write_bytes(struct.pack("l", 0))
        source = Path(__file__).with_name("set_clock.c")
        command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(self._library), str(source), "-ldl"]
        subprocess.run(command, check=True)

    @property
    def environment(self) -> Mapping[str, str]:
        """What gives it to a process and its children."""
        return {"LD_PRELOAD": str(self._library), "SET_CLOCK": str(self._file)}

    def set(self, seconds: int) -> None:
        """Sets it to so many seconds ahead of the machine's."""
        with self._file.open("r+b") as file:  # in place, since it is mapped
            file.write(struct.pack("l", seconds))
