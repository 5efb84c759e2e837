"""The process in which a replay runs stages: the code of a run's tag, in the folder of its files.

Its text is handed to Python there, so that ``rsft`` is the tag's. It reads a line of JSON for each
stage, and writes such lines of how far it is and how it ended.
"""

import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, TextIO

_INTERVAL = 0.2
"""Seconds between two reports."""


def main() -> None:
    """Runs what it is asked for until nobody asks."""
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a stage prints is no report
    # A job in the background is started with it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    import rsft
    from rsft.config import load_config
    from rsft.errors import RsftError

    assert rsft.__file__ is not None
    assert Path(rsft.__file__).resolve().is_relative_to(Path.cwd().resolve())
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            function = importlib.import_module(asked["module"]).run
            function(load_config(), asked["key"], _Reports(told))
        except RsftError as error:
            _tell(told, {"error": str(error)})
        else:
            _tell(told, {"done": True})


class _Reports:
    def __init__(self, told: TextIO) -> None:
        self._told = told
        self._last = -_INTERVAL

    def __call__(self, done: int, total: int, note: str = "") -> None:
        if time.monotonic() - self._last >= _INTERVAL:
            self._last = time.monotonic()
            _tell(self._told, {"progress": [done, total, note]})


def _tell(told: TextIO, message: dict[str, Any]) -> None:
    print(json.dumps(message), file=told, flush=True)


if __name__ == "__main__":
    main()
