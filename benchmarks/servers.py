"""The servers of mlflow/README.md on loopback, each of which can be taken away for a while.

PostgreSQL, S3, and on both of them Prefect's server and MLflow's.
"""

import json
import logging
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rsft.servers.server import HOST, Server
from tests.flows.conftest import free_ports
from tests.server.bucket import Bucket
from tests.server.mlflow_server import ADMIN, mlflow_server, started
from tests.server.postgres import Postgres, find_programs, running
from tests.server.prefect_server import prefect_server


@dataclass(kw_only=True)
class Servers:
    """All of them, at work."""

    folder: Path
    """Where their logs are."""
    postgres: Postgres
    """The database of both servers."""
    bucket: Bucket
    """DVC's remote and MLflow's artifacts."""
    mlflow_port: int
    """Port of MLflow's server."""
    prefect: Server
    """Prefect's server."""
    at_work: ExitStack = field(default_factory=ExitStack)
    """Ends MLflow's server."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What brings a run to them."""
        return self.bucket.environment | {
            "PREFECT_API_URL": f"{self.prefect.address}/api",
            "MLFLOW_TRACKING_URI": f"http://{HOST}:{self.mlflow_port}",
            "MLFLOW_TRACKING_USERNAME": "admin",
            "MLFLOW_TRACKING_PASSWORD": ADMIN,
        }

    def states(self) -> Counter[str]:
        """How many runs are in each state on Prefect's pages."""
        request = urllib.request.Request(
            f"{self.prefect.address}/api/flow_runs/filter",
            data=b"{}",
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return Counter(str(run["state_type"]) for run in json.load(answer))

    def take_mlflow(self) -> None:
        """MLflow's server is killed."""
        self.at_work.close()

    def give_mlflow(self) -> None:
        """It is started again, and answers."""
        server = started(self.postgres, self.bucket, self.folder, self.mlflow_port)
        self.at_work.enter_context(server)

    def restart_postgres(self, seconds: float) -> None:
        """The database is away for a while."""
        self.postgres.stop()
        time.sleep(seconds)
        self.postgres.start()


@contextmanager
def all_servers(folder: Path) -> Iterator[Servers]:
    """All of them, until the end."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    programs = find_programs()
    assert programs is not None, "PostgreSQL is not installed"
    database, s3, mlflow, prefect = free_ports(4)
    with ExitStack() as stack:
        postgres = stack.enter_context(running(programs, database))
        bucket = stack.enter_context(Bucket(s3).serving())
        bucket.make("mlflow", "dvc")
        server = stack.enter_context(prefect_server(postgres, folder, folder, prefect))
        servers = Servers(
            folder=folder, postgres=postgres, bucket=bucket, mlflow_port=mlflow, prefect=server
        )
        with servers.at_work:
            servers.at_work.enter_context(mlflow_server(postgres, bucket, folder, mlflow))
            yield servers
