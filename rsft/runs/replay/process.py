"""The process of a replay as its parent sees it."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

import rsft.runs.replay.child
from rsft.errors import LineageError
from rsft.types import Progress

_PATIENCE = 10
"""Seconds that it may take to end what it has started."""


class StageProcess:
    """Runs stages by the code in a folder, as a context."""

    def __init__(self, folder: Path) -> None:
        """Starts it.

        Args:
            folder: The files of a run's tag; stages read and write below it.
        """
        self._log = folder / ".rsft" / "replay.log"
        self._log.parent.mkdir(exist_ok=True)
        code = Path(rsft.runs.replay.child.__file__).read_text(encoding="utf-8")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                cwd=folder,
                env={key: os.environ[key] for key in os.environ.keys() - {"PYTHONSAFEPATH"}},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # Ctrl-C is for this process, which then ends it
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()  # which ends it, where it waits for the next stage
        if raised[0] is not None:
            self._signal(signal.SIGINT)  # as Ctrl-C would: it has processes of its own to end
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._process.stdout.close()

    def run(self, name: str, module: str, key: str, progress: Progress) -> str | None:
        """Runs a stage.

        Args:
            name: Of the stage, for messages.
            module: Where its function ``run`` is.
            key: Of its round or control; empty where it has none.
            progress: Told how far it is.

        Returns:
            What was in its way, in one line; null where it ended well.

        Raises:
            LineageError: Where its process ended with it, for whichever reason.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            print(json.dumps({"module": module, "key": key}), file=self._process.stdin, flush=True)
        for line in self._process.stdout:
            match json.loads(line):
                case {"progress": [done, total, note]}:
                    progress(done, total, note)
                case {"error": text}:
                    return str(text)
                case {"done": True}:
                    return None
        raise LineageError(
            f"stage {name!r}: the process that rebuilt it ended with status "
            f"{self._process.wait()}, saying: {self._last_words()}"
        )

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").split("\n")
        words = [line.strip() for line in lines if line.strip()]
        return words[-1] if words else "nothing"
