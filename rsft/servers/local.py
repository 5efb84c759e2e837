"""What the stack of a checkout consists of."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from rsft.servers.server import HOST, Server

_LOGGED = {
    "PREFECT_LOGGING_COLORS": "false",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "INFO",
    "PREFECT_LOGGING_LEVEL": "INFO",
    "PYTHONUNBUFFERED": "1",
}
"""The console of a child is its log file, which may say more than a terminal should."""
_TRAINING = "/#/experiments?workflowType=machine_learning"
"""MLflow opens on what it has for prompts and agents, from where no link leads to models."""
_LASTING = {"PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "flows.leases"}
"""Who holds a deployment's only place must outlive the server: Prefect keeps it in memory, ends the
run that it knows no more after a restart, and never frees the place of one that was killed."""


def local_servers(
    home: Path, tracking_uri: str | None, ports: Mapping[str, int], *, with_worker: bool
) -> list[Server]:
    """The servers of a checkout, and the worker that runs its deployments.

    Args:
        home: The main checkout.
        tracking_uri: MLflow's store, where settings or environment name one. A server has a page of
            its own.
        ports: Port of ``prefect``, ``mlflow`` and ``docs``.
        with_worker: Whether ``prefect.yaml`` is deployed and worked on.
    """
    api = f"http://{HOST}:{ports['prefect']}/api"
    docs = home / ".rsft" / "data_docs"
    python = (sys.executable, "-m")
    servers = [
        Server(
            name="Prefect",
            port=ports["prefect"],
            command=(
                *python, "flows.serving", "server", "start",
                "--host", HOST, "--port", str(ports["prefect"]),
            ),
            environment=(
                _LOGGED
                | _LASTING
                | {"PREFECT_API_URL": api, "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING"}
            ),
            option="--prefect-port",
            ready="/api/health",
        ),
        Server(
            name="MLflow",
            port=ports["mlflow"],
            command=(
                *python, "rsft.registry.ui", str(home), HOST, str(ports["mlflow"]),
            ),
            # not on the command line, which everybody on the machine may read
            environment={"MLFLOW_TRACKING_URI": tracking_uri} if tracking_uri else {},
            option="--mlflow-port",
            page=_TRAINING,
            ready="/health",
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
            ready="/",
        ),
        worker_server(home, api),
    ]  # fmt: skip
    unwanted = {"MLflow"} if (tracking_uri or "").startswith(("http://", "https://")) else set()
    unwanted |= set() if with_worker else {"Worker"}
    return [server for server in servers if server.name not in unwanted]


def worker_server(home: Path, api: str) -> Server:
    """The worker that runs a checkout's deployments.

    Args:
        home: The main checkout.
        api: Address of Prefect's API.
    """
    return Server(
        name="Worker",
        command=(sys.executable, "-m", "flows.worker"),
        environment=_LOGGED
        | {
            "PREFECT_API_URL": api,
            "PWD": str(home),  # prefect.yaml goes by it
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        ready="Worker 'rsft' started!",
    )
