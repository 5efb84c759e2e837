"""One finished run of the tiny settings, and one Prefect server, for all tests of the flow."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.flows.receiver import Receiver
from tests.workspaces import clean_environment, make_workspace, rsft

PATIENCE = 120
"""Seconds that a server may take to start on a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A workspace after its first run."""

    folder: Path
    """The checkout."""
    summary: dict[str, Any]
    """What the run printed with ``--json``."""
    shown: str
    """What a person saw meanwhile."""


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The first run, with nothing but what a fresh checkout has."""
    folder = make_workspace(tmp_path_factory.mktemp("main") / "checkout")
    done = rsft(folder, "run", "--json")
    assert done.returncode == 0, done.stderr
    return Finished(folder=folder, summary=json.loads(done.stdout), shown=done.stderr)


ELSEWHERE = "http://me:secret@127.0.0.1:9/api"
"""What stands in the environment that ``rsft up`` is started in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Up:
    """``rsft up`` at work."""

    process: subprocess.Popen[str]
    """Its process."""
    told: list[str]
    """The lines that it printed until it was ready."""
    environment: dict[str, str]
    """What makes Prefect's commands and runs use its server."""

    @property
    def addresses(self) -> dict[str, str]:
        """Address by name of each server, as printed."""
        ends = (line.rpartition(" ") for line in self.told)
        return {name.strip(): last for name, _, last in ends if last.startswith("http")}


@pytest.fixture(scope="session")
def up(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """The servers of the finished workspace, on ports of their own."""
    ports = dict(zip(("prefect", "mlflow", "docs"), free_ports(3), strict=True))
    options = [text for name, port in ports.items() for text in (f"--{name}-port", str(port))]
    process = subprocess.Popen(
        [sys.executable, "-m", "rsft", "up", "--no-worker", *options],
        cwd=finished.folder,
        env=clean_environment(finished.folder, PREFECT_API_URL=ELSEWHERE),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Up(
            process=process,
            told=_told(process),
            environment={
                "PREFECT_API_URL": f"http://127.0.0.1:{ports['prefect']}/api",
                "PREFECT_HOME": str(tmp_path_factory.mktemp("prefect")),
            },
        )
    finally:
        stop(process)


@pytest.fixture
def again(finished: Finished, tmp_path: Path) -> Path:
    """A copy of the finished workspace to spoil, its data and cache included, its registry not."""
    return copy_workspace(finished.folder, tmp_path / "checkout")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Whom alerts are sent to."""
    with Receiver() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def copy_workspace(folder: Path, target: Path) -> Path:
    """A workspace with everything a run left in it, but for what holds absolute paths."""
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("mlflow.db*", "prefect", "logs"))
    return target


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Waits for something to become true."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE} s"
        time.sleep(0.2)


@contextmanager
def worker(folder: Path, up: Up, log: Path) -> Iterator[None]:
    """That of a workspace."""
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.worker"],
            cwd=folder,
            env=clean_environment(folder, **up.environment),
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        yield
    finally:
        stop(process)


def stop(process: subprocess.Popen[str]) -> None:
    """Ends a process as Ctrl-C would."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(30)
    finally:
        process.kill()
        if process.stdout is not None:
            process.stdout.close()


def _told(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    told: list[str] = []
    for line in process.stdout:
        if line.startswith("Ctrl-C"):
            return told
        told.append(line.strip())
    raise AssertionError(f"rsft up ended by itself with {process.wait()}")
