"""The servers of mlflow/README.md, once for all tests: PostgreSQL, S3 and MLflow with accounts."""

import importlib.util
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.flows.conftest import free_ports
from tests.server.bucket import Bucket
from tests.server.mlflow_server import Accounts, mlflow_server
from tests.server.postgres import Postgres, find_programs, running

NEEDED = (
    pytest.mark.skipif(find_programs() is None, reason="PostgreSQL is not installed"),
    pytest.mark.skipif(
        importlib.util.find_spec("flask_wtf") is None,
        reason="MLflow's accounts need more: pip install 'rsft[server]'",
    ),
)
"""Marks of tests that need them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """What runs."""

    postgres: Postgres
    """Of Prefect and MLflow."""
    bucket: Bucket
    """S3: of MLflow's artifacts and of DVC's remote."""
    accounts: Accounts
    """MLflow, with its administrator."""
    logs: Path
    """Folder of their logs."""


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    programs = find_programs()
    assert programs is not None
    database, s3, server = free_ports(3)
    logs = tmp_path_factory.mktemp("servers")
    with running(programs, database) as postgres, Bucket(s3).serving() as bucket:
        bucket.make("mlflow", "store")
        with mlflow_server(postgres, bucket, logs, server) as accounts:
            yield Servers(postgres=postgres, bucket=bucket, accounts=accounts, logs=logs)
