"""A stack of small servers: started, started again, given up and stopped, with nothing left."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from rsft.servers.processes import processes_of
from rsft.servers.stack import find_stack
from tests.flows.conftest import free_ports
from tests.workspaces import ROOT

DRIVER = """
import json, signal, sys
from pathlib import Path
import rsft.servers.serving as serving
from rsft.errors import RsftError
from rsft.report.sheet import plain_console
from rsft.servers.server import Server
serving._PAUSE_SECONDS, serving._STEP_SECONDS = 0.01, 0.02
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # `nohup` in front of the tests is not meant for it
servers = [Server(**told) for told in json.loads(sys.argv[2])]
try:
    serving.serve(servers, Path(sys.argv[1]), plain_console(soft_wrap=True))
except RsftError as error:
    sys.exit(f"error: {error}")
"""

WORKER = """
import subprocess, sys, time
subprocess.Popen(["sleep", "300"], start_new_session=True)
print("at work", flush=True)
print("12:00 | ERROR | run [1] failed", flush=True)
time.sleep(300)
"""


class Stack:
    """``serve`` in a process of its own."""

    def __init__(self, home: Path, *servers: dict[str, Any]) -> None:
        self.home = home
        self.process = subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(home), json.dumps(servers)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.shown: list[str] = []

    def until(self, text: str) -> str:
        """The line that a text comes in."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.shown.append(line.rstrip())
            if text in line:
                return line.strip()
        raise AssertionError(f"no {text!r} in {self.shown}")

    def child(self, name: str) -> psutil.Process:
        """A process of it by what its command line has."""
        found = [p for p in processes_of(self.home) if name in " ".join(p.cmdline())]
        assert len(found) == 1, found
        return found[0]

    def end(self) -> int:
        assert self.process.stdout is not None
        self.shown += self.process.stdout.read().splitlines()
        return self.process.wait(30)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Starts stacks, and leaves none behind."""
    stacks: list[Stack] = []

    def started(*servers: dict[str, Any]) -> Stack:
        stacks.append(Stack(tmp_path, *servers))
        return stacks[-1]

    yield started
    for stack in stacks:
        stack.process.kill()
        stack.process.wait(30)
        stack.process.stdout.close()  # type: ignore[union-attr]
    for process in processes_of(tmp_path):
        process.kill()


def files(port: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    option = {"option": "--files-port", "environment": {}}
    return {"name": "Files", "port": port, "command": command, "ready": "/", **option}


def worker(code: str = WORKER) -> dict[str, Any]:
    command = [sys.executable, "-c", code]
    return {"name": "Worker", "command": command, "ready": "at work", "environment": {}}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_all_is_started_shown_and_stopped(
    start: Callable[..., Stack], tmp_path: Path, number: signal.Signals
) -> None:
    (port,) = free_ports(1)
    stack = start(files(port), worker())
    stack.until("Ctrl-C stops them.")
    assert f"  Files      http://127.0.0.1:{port}" in stack.shown
    assert "  Worker     at work" in stack.shown
    assert "Worker: 12:00 | ERROR | run [1] failed" in stack.shown
    running = processes_of(tmp_path)
    assert len(running) == 3  # what the worker has started in a session of its own is one of them
    found = find_stack(tmp_path)
    assert found is not None
    assert (found.process, found.addresses["Files"]) == (
        stack.process.pid,
        f"http://127.0.0.1:{port}",
    )
    stack.process.send_signal(number)
    assert stack.end() == 0
    assert stack.shown[-1] == "stopped; nothing is left running"
    assert processes_of(tmp_path) == []
    assert not any(process.is_running() for process in running)
    assert find_stack(tmp_path) is None


def test_all_is_stopped_where_nobody_reads_any_more(start: Callable[..., Stack]) -> None:
    (port,) = free_ports(1)
    stack = start(files(port), worker())
    stack.until("Ctrl-C stops them.")
    assert stack.process.stdout is not None
    stack.process.stdout.close()
    stack.process.send_signal(signal.SIGHUP)
    stack.process.wait(60)
    assert processes_of(stack.home) == []


def test_what_dies_is_started_again(start: Callable[..., Stack]) -> None:
    (port,) = free_ports(1)
    stack = start(files(port), worker())
    stack.until("Ctrl-C")
    for name in ("http.server", "at work"):
        before = stack.child(name)
        before.kill()
        stack.until("was ended by SIGKILL; it is started again in 0.01 s")
        deadline = time.monotonic() + 20
        while not [p for p in processes_of(stack.home) if name in " ".join(p.cmdline())]:
            assert time.monotonic() < deadline
        assert stack.child(name) != before


def test_what_dies_again_and_again_ends_all_with_one_line(
    start: Callable[..., Stack], tmp_path: Path
) -> None:
    code = f"""
import pathlib, sys, time
print("at work", flush=True)
once = pathlib.Path({str(tmp_path / "once")!r})
if once.exists():
    sys.exit("ERROR: no [more]")
once.touch()
time.sleep(0.5)
sys.exit(3)
"""
    (port,) = free_ports(1)
    stack = start(files(port), worker(code))
    assert stack.end() == 1
    deaths = [line for line in stack.shown if "started again" in line]
    assert deaths[0] == "Worker ended with 3 (at work); it is started again in 0.01 s"
    assert deaths[1] == "Worker ended with 1 (ERROR: no [more]); it is started again in 0.02 s"
    assert len(deaths) == 4
    last = f"the 5th time in a row, so all are stopped; see {tmp_path}/.rsft/logs/worker.log"
    assert stack.shown[-1] == f"error: Worker ended with 1 (ERROR: no [more]), {last}"
    assert processes_of(tmp_path) == []


def test_one_that_cannot_start_stops_the_others_at_once(
    start: Callable[..., Stack], tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    stack = start(files(port), worker("raise SystemExit('no such pool')"))
    assert stack.end() == 1
    log = tmp_path / ".rsft" / "logs" / "worker.log"
    assert stack.shown[-1] == f"error: Worker ended with 1 (no such pool); see {log}"
    assert processes_of(tmp_path) == []


def test_a_port_in_use_is_told_with_its_holder(start: Callable[..., Stack], tmp_path: Path) -> None:
    (port,) = free_ports(1)
    first = subprocess.Popen(
        files(port)["command"], stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    try:
        while not any(
            c.status == psutil.CONN_LISTEN for c in psutil.Process(first.pid).net_connections()
        ):
            assert first.poll() is None
        stack = start(files(port))
        assert stack.end() == 1
    finally:
        first.kill()
        first.communicate()
    holder = f"process {first.pid} ({sys.executable} -m http.server {port} --bind 127.0.0.1"
    assert stack.shown[-1].startswith(f"error: port {port} for Files is taken by {holder}"[:100])
    assert stack.shown[-1].endswith("; stop it, or name another port with --files-port")


def test_a_second_is_told_of_the_first(start: Callable[..., Stack]) -> None:
    (port,) = free_ports(1)
    first = start(files(port))
    first.until("Ctrl-C")
    second = start(files(port))
    assert second.end() == 1
    (line,) = second.shown
    assert line.startswith(
        f"error: `rsft up` runs here already, as process {first.process.pid} since"
    )
    assert f"Files http://127.0.0.1:{port}" in line
    assert first.process.poll() is None


def test_what_a_killed_one_has_left_is_ended_by_the_next(start: Callable[..., Stack]) -> None:
    (port,) = free_ports(1)
    first = start(files(port), worker())
    first.until("Ctrl-C")
    left = processes_of(first.home)
    first.process.kill()
    first.process.wait()
    assert all(process.is_running() for process in left)
    second = start(files(port), worker())
    second.until("Ctrl-C")
    assert second.shown[0] == "ending 3 processes that a killed `rsft up` left"
    assert not any(process.is_running() for process in left)


def test_the_log_of_the_time_before_is_kept(start: Callable[..., Stack], tmp_path: Path) -> None:
    logs = tmp_path / ".rsft" / "logs"
    logs.mkdir(parents=True)
    (logs / "worker.log").write_text("what was\n")
    stack = start(worker())
    stack.until("Ctrl-C")
    os.kill(stack.process.pid, signal.SIGINT)
    assert stack.end() == 0
    assert (logs / "worker.log.1").read_text() == "what was\n"
    assert (logs / "worker.log").read_text().startswith("at work\n")
