"""Who runs the stack of a checkout: one ``rsft up`` at a time, by a lock that falls with it."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from rsft.errors import WorkspaceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """An ``rsft up`` at work."""

    process: int
    """Its id."""
    since: str
    """When it began, in ISO 8601."""
    addresses: Mapping[str, str]
    """Address by name of each server."""


def find_stack(home: Path) -> Stack | None:
    """The stack that runs for a checkout, or None where none does.

    Args:
        home: The main checkout.
    """
    try:
        told = json.loads(_file(home).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    try:
        with FileLock(_lock(home), timeout=0):
            return None
    except Timeout:
        return Stack(**told)


def use_stack(home: Path) -> str | None:
    """Makes Prefect in this process use the server of the stack, unless it is told of another.

    Args:
        home: The main checkout.

    Returns:
        The API that is used; None where no server is known.
    """
    stack = find_stack(home)
    if stack is not None:
        os.environ.setdefault("PREFECT_API_URL", f"{stack.addresses['Prefect']}/api")
    return os.environ.get("PREFECT_API_URL")


@contextmanager
def hold_stack(home: Path, addresses: Mapping[str, str]) -> Iterator[None]:
    """Holds the stack of a checkout.

    Args:
        home: The main checkout.
        addresses: Where its servers are to be.

    Raises:
        WorkspaceError: Where another ``rsft up`` runs it: which, since when, and where.
    """
    _lock(home).parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(_lock(home))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise WorkspaceError(_already(home)) from None
    try:
        since = datetime.now(UTC).isoformat(timespec="seconds")
        own = Stack(process=os.getpid(), since=since, addresses=dict(addresses))
        _file(home).write_text(json.dumps(asdict(own)), encoding="utf-8")
        yield
    finally:
        _file(home).unlink(missing_ok=True)
        lock.release()


def _already(home: Path) -> str:
    stack = find_stack(home)
    if stack is None:
        return f"another `rsft up` of {home} is just starting or stopping; try again in a moment"
    where = ", ".join(f"{name} {address}" for name, address in stack.addresses.items())
    return (
        f"`rsft up` runs here already, as process {stack.process} since {stack.since} ({where}); "
        f"stop it with Ctrl-C where it runs, or with `kill {stack.process}`"
    )


def _file(home: Path) -> Path:
    return home / ".rsft" / "up.json"


def _lock(home: Path) -> Path:
    return home / ".rsft" / "up.lock"
