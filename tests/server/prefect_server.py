"""Prefect's server as mlflow/README.md sets it up: on PostgreSQL."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rsft.servers.server import HOST, Server
from tests.server.postgres import Postgres
from tests.server.serving import serving
from tests.workspaces import clean_environment


@contextmanager
def prefect_server(
    postgres: Postgres, folder: Path, logs: Path, port: int, **more: str
) -> Iterator[Server]:
    """Prefect's on a database of its own.

    Args:
        postgres: Where that is.
        folder: Where it works, and has its home.
        logs: Folder of its log.
        port: Where it listens.
        more: Variables.
    """
    server = Server(
        name="Prefect",
        port=port,
        command=(
            *(sys.executable, "-m", "prefect", "server", "start"),
            *("--host", HOST, "--port", str(port)),
        ),
        environment={
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": (
                f"postgresql+asyncpg://{postgres.make('prefect')}"
            ),
            **more,
        },
        ready="/api/health",
    )
    environment = clean_environment(folder, **server.environment)
    with serving(server.command, logs / server.log, server.answers, folder, environment):
        yield server
