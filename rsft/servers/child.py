"""A server at work: its process, its log, and how often it has died."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rsft.servers.problems import Problems, shown
from rsft.servers.processes import MARK
from rsft.servers.server import Server

_STEADY_SECONDS = 60
"""A child that has run for so long is not on its way to dying again at once."""
_TAIL_BYTES = 10_000


class Child:
    """One server of a stack that is started, watched, started again and stopped."""

    def __init__(self, server: Server, home: Path, logs: Path) -> None:
        """Keeps the log of the time before.

        Args:
            server: What is to run.
            home: The main checkout, where it works.
            logs: Folder of its log.
        """
        self.server = server
        self.log = logs / server.log
        self.deaths = 0
        self.is_ready = False
        self.started_at = 0.0
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None
        self._problems = Problems()
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        self.log.touch()
        self._read = 0

    def start(self, now: float) -> None:
        """Starts it, in a session of its own, so that Ctrl-C does not reach it before us."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.server.command,
                cwd=self._home,
                env=os.environ | dict(self.server.environment) | {MARK: str(self._home)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started_at = now
        self.is_ready = False

    def problems(self, now: float) -> Iterator[str]:
        """What it has written since that a person should see."""
        lines = self._new_lines()
        if self.server.port is None and any(self.server.ready in line for line in lines):
            self.is_ready = True
        yield from self._problems.among(lines, now)

    def look(self) -> None:
        """Asks whether it is ready, where it has a port to ask."""
        if not self.is_ready and self.server.port is not None:
            self.is_ready = self.server.answers()

    def died(self, now: float) -> str | None:
        """How it has ended, if it has since it was started; counts how often it did in a row."""
        code = None if self._process is None else self._process.poll()
        if code is None:
            return None
        self._end_group()
        self._process = None
        self.deaths = 1 if now - self.started_at > _STEADY_SECONDS else self.deaths + 1
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        last = self._last_line()
        return f"{how} ({last})" if code >= 0 and last else how

    @property
    def process_id(self) -> int | None:
        """Of its process; null where it has ended."""
        return None if self._process is None else self._process.pid

    def reap(self) -> None:
        """Takes leave of a process that has been ended."""
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)

    def _end_group(self) -> None:
        """Ends what a dead server leaves on its port; what a dead worker leaves are runs."""
        if self._process is not None and self.server.port is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _new_lines(self) -> list[str]:
        """Whole lines that were not read yet."""
        with self.log.open("rb") as log:
            log.seek(self._read)
            whole, newline, _ = log.read().rpartition(b"\n")
        self._read += len(whole) + len(newline)
        return whole.decode(errors="replace").splitlines()

    def _last_line(self) -> str:
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
            lines = log.read().decode(errors="replace").split("\n")
        return next((shown(line) for line in reversed(lines) if line.strip()), "")
