"""One worker as its parent sees it: a process, its pipes, the chunk that it is at.

Neither end may wait for the other while the other waits for it, and a worker that hangs reads
nothing: so nothing here blocks.
"""

import contextlib
import mmap
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from rsft.score.pipe import LOADING, OUT_OF_MEMORY, Position, read_position, write_position

Unit = TypeVar("Unit")

_READ_BYTES = 1 << 20
_HERE = Path(__file__).resolve().parents[2]
"""Where this very package is."""


class Child(Generic[Unit]):
    """A worker, idle or at a chunk of units."""

    def __init__(self, settings: bytes) -> None:
        """Starts a worker; what it is sent first are its settings, as a line."""
        with tempfile.TemporaryFile() as file:
            file.truncate(mmap.PAGESIZE)
            self._page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
            write_position(self._page, Position(LOADING, 0, time.monotonic()))
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "rsft.score.worker", str(file.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=[file.fileno()],
                env=_environment(),
                bufsize=0,
                start_new_session=True,  # so that what it starts can be ended with it
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.input = self._process.stdin.fileno()
        self.output = self._process.stdout.fileno()
        for pipe in (self.input, self.output):
            os.set_blocking(pipe, False)
        self.chunk: Sequence[Unit] | None = None
        self.done = 0
        self.has_worked = False
        self.seen: Position | None = None
        self.watched = 0.0
        self._unsent = memoryview(settings)
        self._unread = bytearray()

    def give(self, chunk: Sequence[Unit], text: bytes) -> None:
        """Gives it a chunk, whose line is sent as it takes it."""
        self.chunk, self.done, self.seen = chunk, 0, None
        self._unsent = memoryview(bytes(self._unsent) + text)
        self.send()

    def send(self) -> None:
        """Sends what it will take."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            while self._unsent:
                self._unsent = self._unsent[os.write(self.input, self._unsent) :]

    @property
    def has_unsent(self) -> bool:
        """Whether there is more to send."""
        return bool(self._unsent)

    def lines(self) -> Iterator[bytes]:
        """The lines that it has written since."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.output, _READ_BYTES):
                self._unread += data
        while (end := self._unread.find(b"\n")) >= 0:
            yield bytes(self._unread[:end])
            del self._unread[: end + 1]

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    @property
    def position(self) -> Position:
        """What it is at; where it was, if it was ended."""
        return read_position(self._page)

    def watch(self, seconds: float) -> None:
        """Looks at what it is at; where that is what it was at, it has been so for longer.

        Only the time counts in which somebody looked: a worker that nobody hears waits, to say
        what it has judged, and so does one that is stopped together with its parent.
        """
        position = self.position
        self.watched = self.watched + seconds if position == self.seen else 0.0
        self.seen = position

    @property
    def ending(self) -> str:
        """How it ended, as a note on the completion that it was at."""
        status = self._process.poll()
        if status == OUT_OF_MEMORY:
            return "ran out of memory"
        if status is not None and status < 0:
            return f"was ended by signal {signal.Signals(-status).name}"
        return f"ended its process (exit status {status})"

    def end(self) -> None:
        """Ends it, and whatever it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()


def _environment() -> dict[str, str]:
    """The parent's, with the package on the path, and text hashed the same in each worker."""
    places = [str(_HERE), os.environ.get("PYTHONPATH", "")]
    path = os.pathsep.join(filter(None, places))
    return os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": "0"}
