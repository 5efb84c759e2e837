"""How far a stage is, on Prefect's page."""

import logging
import re
import time
from typing import Any
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from rsft.types import Progress

logger = logging.getLogger("rsft")


class PageProgress:
    """Passes progress on, and keeps Prefect's page up to date with it.

    An artifact is made for stages that take longer than the interval only: each call to the
    server costs tens of milliseconds.
    """

    def __init__(self, name: str, shown: Progress, *, interval: float = 5.0) -> None:
        self._name = name
        self._shown = shown
        self._interval = interval
        self._artifact: UUID | None = None
        self._told = time.monotonic()

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Tells how far the stage is."""
        self._shown(done, total, note)
        is_last = done == total and self._artifact is not None
        if time.monotonic() - self._told < self._interval and not is_last:
            return
        self._told = time.monotonic()
        try:
            self._tell(done, total, note)
        except Exception as error:  # noqa: BLE001  # whatever the server has, the stage goes on
            logger.warning("no progress on Prefect's page: %s", error)

    def _tell(self, done: int, total: int, note: str) -> None:
        percent = 100 * done / total if total else 0.0
        text = f"{self._name}: {done:,} of {total:,}" + (f", {note}" if note else "")
        if self._artifact is None:
            key = re.sub(r"[^a-z0-9]+", "-", self._name)
            made: Any = create_progress_artifact(percent, key=key, description=text)
            self._artifact = made
        else:
            update_progress_artifact(self._artifact, percent, description=text)
