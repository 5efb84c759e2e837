"""Processes of a stack, found by what they inherit: whoever started them, and whoever is gone."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from rsft.addresses import without_secrets
from rsft.report.plain import plain
from rsft.servers.server import HOST

MARK = "RSFT_STACK"
"""Environment variable of everything that a stack starts: the checkout it is the stack of."""
_STOP_SECONDS = 10


def processes_of(home: Path) -> list[psutil.Process]:
    """What runs of a checkout's stack: servers, and the runs that a worker has started."""
    return [process for process in psutil.process_iter() if _value_in(process, MARK) == str(home)]


def values_of(variable: str) -> set[str]:
    """What an environment variable is in the processes of this machine that have it."""
    found = (_value_in(process, variable) for process in psutil.process_iter())
    return {value for value in found if value is not None}


def is_of(process: psutil.Process, ids: set[int | None]) -> bool:
    """Whether a process, which may be gone by now, is one of some, or was started by one."""
    with suppress(psutil.NoSuchProcess):
        return bool(ids & {process.pid, process.ppid()})
    return False


def end(processes: list[psutil.Process], seconds: float = _STOP_SECONDS) -> None:
    """Asks processes to end, and ends those that do not within some seconds."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, left = psutil.wait_procs(processes, timeout=seconds)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=seconds)


def is_taken(port: int) -> bool:
    """Whether something listens on a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def holder_of(port: int) -> str:
    """Who listens on a port, as far as this user may know."""
    for process in _listeners(port):
        with suppress(psutil.Error):
            command = plain(without_secrets(" ".join(process.cmdline())))
            return f"process {process.pid} ({command[:80]})"
    return "a process of somebody else"


def _listeners(port: int) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            connections = process.net_connections("tcp")
            if any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections):
                yield process


def _value_in(process: psutil.Process, variable: str) -> str | None:
    with suppress(psutil.Error, OSError):
        return process.environ().get(variable)
    return None
