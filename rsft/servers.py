"""Prefect's server, MLflow's UI and the Data Docs: started on loopback, and stopped together.

Each is a child process in a session of its own, so that Ctrl-C reaches this process alone and it
stops the children in order. Their output goes to ``.rsft/logs``.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from rsft.errors import WorkspaceError

HOST = "127.0.0.1"
_READY_SECONDS = 90
_STOP_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server to start."""

    name: str
    """What people call it."""
    port: int
    """Its port on loopback."""
    command: tuple[str, ...]
    """Its command line."""
    environment: Mapping[str, str]
    """Set besides what this process has."""
    option: str
    """Command line option that moves the port."""

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return f"http://{HOST}:{self.port}"


def local_servers(home: Path, tracking_uri: str, ports: Mapping[str, int]) -> list[Server]:
    """The three servers of a checkout.

    Args:
        home: The main checkout.
        tracking_uri: MLflow's store.
        ports: Port of ``prefect``, ``mlflow`` and ``docs``.
    """
    docs = home / ".rsft" / "data_docs"
    python = (sys.executable, "-m")
    return [
        Server(
            name="Prefect",
            port=ports["prefect"],
            command=(
                *python, "prefect", "server", "start",
                "--host", HOST, "--port", str(ports["prefect"]),
            ),
            environment={"PREFECT_API_URL": f"http://{HOST}:{ports['prefect']}/api"},
            option="--prefect-port",
        ),
        Server(
            name="MLflow",
            port=ports["mlflow"],
            command=(
                *python, "mlflow", "server", "--host", HOST, "--port", str(ports["mlflow"]),
                "--workers", "1", "--backend-store-uri", tracking_uri,
                "--default-artifact-root", (home / "mlflow" / "artifacts").as_uri(),
            ),
            # Jobs would be eight more processes and 2 GB.
            environment={"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            option="--mlflow-port",
        ),
        Server(
            name="Data Docs",
            port=ports["docs"],
            command=(
                *python, "http.server", str(ports["docs"]),
                "--bind", HOST, "--directory", str(docs),
            ),
            environment={},
            option="--docs-port",
        ),
    ]  # fmt: skip


def serve(servers: list[Server], logs: Path, console: Console) -> None:
    """Starts servers, says where they are, and stops them all when one ends or on Ctrl-C.

    Raises:
        WorkspaceError: Where a port is taken, or a server does not start or ends by itself.
    """
    for server in servers:
        _require_free(server)
    signal.signal(signal.SIGTERM, _interrupt)
    with ExitStack() as stack:
        running = [(server, stack.enter_context(_running(server, logs))) for server in servers]
        for server, process in running:
            _wait_until_ready(server, process, logs)
            console.print(f"  {server.name:<10} {server.address}")
        console.print("Ctrl-C stops them.")
        while True:
            for server, process in running:
                if process.poll() is not None:
                    raise _ended(server, logs)
            time.sleep(0.5)


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _running(server: Server, logs: Path) -> Iterator[subprocess.Popen[bytes]]:
    logs.mkdir(parents=True, exist_ok=True)
    with _log_file(server, logs).open("wb") as log:
        process = subprocess.Popen(
            server.command,
            env=os.environ | dict(server.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a server and whatever it started: they share its session's process group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(_STOP_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _require_free(server: Server) -> None:
    with socket.socket() as probe:
        if probe.connect_ex((HOST, server.port)) == 0:
            raise WorkspaceError(
                f"port {server.port} for {server.name} is taken; stop what uses it, or name "
                f"another with {server.option}"
            )


def _wait_until_ready(server: Server, process: subprocess.Popen[bytes], logs: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise _ended(server, logs)
        with socket.socket() as probe:
            if probe.connect_ex((HOST, server.port)) == 0:
                return
        time.sleep(0.2)
    raise WorkspaceError(
        f"{server.name} does not answer on {server.address} after {_READY_SECONDS} s; "
        f"see {_log_file(server, logs)}"
    )


def _ended(server: Server, logs: Path) -> WorkspaceError:
    return WorkspaceError(f"{server.name} has ended by itself; see {_log_file(server, logs)}")


def _log_file(server: Server, logs: Path) -> Path:
    return logs / f"{server.name.lower().replace(' ', '-')}.log"
