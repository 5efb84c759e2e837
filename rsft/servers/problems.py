"""Which lines of a server's log a person should see: one line for each problem."""

import re
from collections.abc import Iterator

from rsft.addresses import without_secrets
from rsft.report.plain import plain

_LEVEL = re.compile(r"\b(DEBUG|INFO|WARNING|ERROR|CRITICAL|FATAL)\b")
"""As Prefect, uvicorn, MLflow and Python's logging write it."""
_GOOD = ("DEBUG", "INFO")
_LEVEL_WITHIN = 60
"""A level stands near the beginning of its line; further on it is part of what is told."""
_RAISED = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Timeout|Refused)\b(: |$)")
"""Last line of a traceback."""
_NUMBER = re.compile(r"\d+")
_WIDTH = 240
_REPEATED_SECONDS = 60


class Problems:
    """Finds the problems in a log, and tells of each once a minute."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}
        self._is_told = False  # whether the traceback that follows belongs to what was told

    def among(self, lines: list[str], now: float) -> Iterator[str]:
        """The lines that tell of a problem.

        Args:
            lines: As they were written.
            now: Time, in seconds.
        """
        for line in filter(self._is_problem, lines):
            same = _NUMBER.sub("", line)
            if now - self._told.get(same, -_REPEATED_SECONDS) >= _REPEATED_SECONDS:
                self._told[same] = now
                yield shown(line)

    def _is_problem(self, line: str) -> bool:
        """Whether a line tells of a problem: by its level, or as the end of a traceback."""
        level = _LEVEL.search(line[:_LEVEL_WITHIN])
        if level is None:
            return _RAISED.match(line) is not None and not self._is_told
        self._is_told = level[0] not in _GOOD
        return self._is_told


def shown(line: str) -> str:
    """A line as a terminal may show it."""
    text = plain(without_secrets(" ".join(line.split())))
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
