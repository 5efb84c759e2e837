"""Running a stack: all is started side by side, what dies is started again, all is stopped.

Of each problem that a server logs the terminal shows one line; the log has the rest. A server that
dies again and again ends the stack: half of one would look like the whole.
"""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.markup import escape

from rsft.errors import WorkspaceError
from rsft.servers.child import Child
from rsft.servers.processes import end, holder_of, is_of, is_taken, processes_of
from rsft.servers.server import Server
from rsft.servers.stack import hold_stack

_READY_SECONDS = 120
_STEP_SECONDS = 0.25
_DEATHS = 5
"""In a row."""
_PAUSE_SECONDS = 1.0
"""Before a new start; twice as long after each death in a row."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve(
    servers: Sequence[Server],
    home: Path,
    console: Console,
    *,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Runs servers until it is told to stop, by Ctrl-C or SIGTERM.

    Args:
        servers: What is to run; the last is stopped first.
        home: The main checkout.
        console: Where addresses and problems are shown.
        meanwhile: Done while they start.

    Raises:
        WorkspaceError: Where another ``rsft up`` runs, a port is taken, or a server does not start
            or dies again and again; nothing is left running.
    """
    addresses = {server.name: server.address for server in servers if server.port is not None}
    with hold_stack(home, addresses):
        _clear(home, console)
        for server in servers:
            _require_free(server)
        logs = home / ".rsft" / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        children = [Child(server, home, logs) for server in servers]
        with _until_told(), _stopped(children, home, console):
            _start(children, console, meanwhile)
            console.print("Ctrl-C stops them.")
            _watch(children, console)


def _start(children: Sequence[Child], console: Console, meanwhile: Callable[[], None]) -> None:
    """Starts all, and shows each as it becomes ready."""
    for child in children:
        child.start(time.monotonic())
    meanwhile()
    deadline = time.monotonic() + _READY_SECONDS
    waiting = list(children)
    while waiting:
        for child in children:
            _show_problems(child, console)
            how = child.died(time.monotonic())
            if how is not None:
                raise WorkspaceError(f"{child.server.name} {how}; see {child.log}")
            child.look()
        for child in [child for child in waiting if child.is_ready]:
            waiting.remove(child)
            where = child.server.shown if child.server.port else "at work"
            console.print(f"  {child.server.name:<10} {where}")
        if waiting and time.monotonic() > deadline:
            late = waiting[0]
            raise WorkspaceError(
                f"{late.server.name} is not ready after {_READY_SECONDS} s; see {late.log}"
            )
        time.sleep(_STEP_SECONDS)


def _watch(children: Sequence[Child], console: Console) -> NoReturn:
    """Shows problems, and starts again what dies."""
    due: dict[str, float] = {}
    while True:
        for child in children:
            name, now = child.server.name, time.monotonic()
            _show_problems(child, console)
            how = child.died(now)
            if how is not None:
                due[name] = now + _pause(child, how, console)
            elif name in due and now >= due[name]:
                del due[name]
                child.start(now)
        time.sleep(_STEP_SECONDS)


def _pause(child: Child, how: str, console: Console) -> float:
    """Seconds until a dead server is started again."""
    name = child.server.name
    if child.deaths >= _DEATHS:
        raise WorkspaceError(
            f"{name} {how}, the {_DEATHS}th time in a row, so all are stopped; see {child.log}"
        )
    seconds = _PAUSE_SECONDS * 2.0 ** (child.deaths - 1)
    console.print(f"[yellow]{name} {escape(how)}; it is started again in {seconds:g} s[/]")
    return seconds


def _show_problems(child: Child, console: Console) -> None:
    for line in child.problems(time.monotonic()):
        console.print(f"[yellow]{child.server.name}:[/] {escape(line)}")


@contextmanager
def _until_told() -> Iterator[None]:
    """Ends what is within when a signal asks for it."""

    def stop(signum: int, frame: object) -> None:
        for number in _SIGNALS:  # once is enough: what stops them is not to be stopped itself
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    heard = [n for n in _SIGNALS if n != signal.SIGHUP or signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}  # `nohup` has its way
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _stopped(children: Sequence[Child], home: Path, console: Console) -> Iterator[None]:
    """Ends all that was started: runs and the worker first, while Prefect's server can be told."""
    try:
        yield
    finally:
        try:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            console.print("stopping …")
        finally:  # its terminal may be gone, or a signal come just before
            own = {child.process_id for child in children if child.server.port is not None}
            running = processes_of(home)
            servers = {process.pid for process in running if is_of(process, own)}
            end([process for process in running if process.pid not in servers])
            end(processes_of(home))
            for child in children:
                child.reap()
        console.print("stopped; nothing is left running")


def _clear(home: Path, console: Console) -> None:
    """Ends what an ``rsft up`` that was killed has left running."""
    left = processes_of(home)
    if left:
        console.print(f"[yellow]ending {len(left)} processes that a killed `rsft up` left[/]")
        end(left)


def _require_free(server: Server) -> None:
    if server.port is not None and is_taken(server.port):
        raise WorkspaceError(
            f"port {server.port} for {server.name} is taken by {holder_of(server.port)}; stop it, "
            f"or name another port with {server.option}"
        )
