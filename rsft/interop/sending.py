"""Sending OpenLineage's events beside the run, in a thread of their own.

An unreachable server costs openlineage-python nine seconds an event. So events are made and sent
where nobody waits; after the first failure no more are, and one warning says so.
"""

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import RunEvent

Build = Callable[[], "RunEvent"]
"""Makes an event; called in the thread."""
Send = Callable[[Build], None]
"""Takes what is to be sent, and returns at once."""
Warn = Callable[[str], None]
"""Shows one line to whoever watches the run; called in the thread."""

PRODUCER = f"urn:rsft:{version('rsft')}"
"""Who made the events."""

_PATIENCE = 5.0
"""Seconds that the end of a run waits for events that are not sent yet."""

_FILE = "openlineage.yml"
_NO_TRANSPORT = ("OPENLINEAGE_DISABLED", "OPENLINEAGE_NAMESPACE", "OPENLINEAGE_CLIENT_LOGGING")
"""Variables of OpenLineage's that name no place to send to."""


@contextmanager
def open_sender(warn: Warn) -> Iterator[Send]:
    """Gives what sends events: to where OpenLineage's own settings say, or else to nowhere.

    Args:
        warn: Is told, once, where events cannot be sent.
    """
    if not _is_wanted():
        yield lambda build: None
        return
    sender = _Sender(warn)
    try:
        yield sender.send
    finally:
        sender.close()


def _is_wanted() -> bool:
    """Whether OpenLineage is configured: without that its client would print each event."""
    if os.environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return False
    names = {name for name in os.environ if name.startswith("OPENLINEAGE_")}
    places = (Path(_FILE), Path.home() / ".openlineage" / _FILE)
    return bool(names.difference(_NO_TRANSPORT)) or any(map(Path.is_file, places))


class _Sender:
    """A thread that makes and sends events, in order."""

    def __init__(self, warn: Warn) -> None:
        self._queue: SimpleQueue[Build | None] = SimpleQueue()
        self._warn = warn
        self._is_told = False
        # A daemon: one that waits for a dead server must not keep the process.
        self._thread = threading.Thread(target=self._work, name="openlineage", daemon=True)
        self._thread.start()

    def send(self, build: Build) -> None:
        """Takes an event."""
        self._queue.put(build)

    def close(self) -> None:
        """Waits a little for what is not sent yet."""
        self._queue.put(None)
        self._thread.join(_PATIENCE)
        if self._thread.is_alive():
            self._tell(f"events not sent within {_PATIENCE:g} s of the run's end are lost")

    def _work(self) -> None:
        try:
            with _own_logs(lambda _: None):  # an error follows, which is told
                client = _open_client()
            with _own_logs(self._tell):
                while (build := self._queue.get()) is not None:
                    client.emit(build())
                client.close(_PATIENCE)
        except Exception as error:  # noqa: BLE001  # whatever the server has, the run goes on
            why = str(error).strip().partition("\n")[0]
            self._tell(f"{type(error).__name__}: {why}; no more events of this run are sent")

    def _tell(self, what: str) -> None:
        if not self._is_told:
            self._is_told = True
            self._warn(f"OpenLineage: {what}")


def _open_client() -> "OpenLineageClient":
    from openlineage.client import OpenLineageClient, set_producer

    set_producer(PRODUCER)
    client = OpenLineageClient()
    is_asked_for = (client.config.transport or {}).get("type") == "console"
    if client.transport.kind == "console" and not is_asked_for:
        raise ValueError(
            f"its settings name no transport; see {_FILE}, OPENLINEAGE__TRANSPORT__TYPE or "
            "OPENLINEAGE_URL"
        )
    return client


class _Telling(logging.Handler):
    """Tells what OpenLineage would log: that one of several transports failed, above all."""

    def __init__(self, tell: Warn) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Passes on its first line."""
        self._tell(record.getMessage().partition("\n")[0])


@contextmanager
def _own_logs(tell: Warn) -> Iterator[None]:
    """Has what goes wrong told once, its retries not at all, and events on the console seen.

    The console transport hands events to the log, where by default nobody sees them.
    """
    ours = threading.get_ident()
    retries = logging.getLogger("urllib3.connectionpool")
    logs, console = (
        logging.getLogger("openlineage"),
        logging.getLogger("openlineage.client.transport.console"),
    )
    telling, printing = _Telling(tell), logging.StreamHandler(sys.stderr)

    def is_anothers(record: logging.LogRecord) -> bool:
        return record.thread != ours

    retries.addFilter(is_anothers)
    logs.addHandler(telling)
    console.addHandler(printing)
    logs.propagate = console.propagate = False
    console.setLevel(logging.INFO)
    try:
        yield
    finally:
        retries.removeFilter(is_anothers)
        logs.removeHandler(telling)
        console.removeHandler(printing)
        logs.propagate = console.propagate = True
