"""MLflow's server as mlflow/README.md sets it up: PostgreSQL, artifacts on S3, accounts."""

import json
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.server.bucket import Bucket
from tests.server.planted import MARK
from tests.server.postgres import PASSWORD, USER, Postgres
from tests.server.serving import serving
from tests.workspaces import ROOT, clean_environment

ADMIN = f"{MARK}-admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """A server with accounts, and its administrator."""

    address: str
    """Where it is."""

    def make_model(self, name: str) -> None:
        """The model and its experiment, and the two roles that have to do with them."""
        self.call("2.0/mlflow/registered-models/create", name=name)
        experiment = self.call("2.0/mlflow/experiments/create", name=name)["experiment_id"]
        for role, permission in (("trainer", "EDIT"), ("promoter", "MANAGE")):
            made = self.call("3.0/mlflow/roles/create", workspace="default", name=role)
            for kind, pattern, allowed in (
                ("registered_model", name, permission),
                ("experiment", experiment, "EDIT"),
            ):
                self.call(
                    "3.0/mlflow/roles/permissions/add",
                    role_id=made["role"]["id"],
                    resource_type=kind,
                    resource_pattern=pattern,
                    permission=allowed,
                )
            self.make_user(role)
            self.call("3.0/mlflow/roles/assign", username=role, role_id=made["role"]["id"])

    def make_user(self, name: str) -> None:
        """A user, who may read."""
        self.call("2.0/mlflow/users/create", username=name, password=password_of(name))

    def call(self, path: str, **body: Any) -> Any:
        """Asks as the administrator."""
        request = urllib.request.Request(
            f"{self.address}/api/{path}",
            data=json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": "Basic " + b64encode(f"admin:{ADMIN}".encode()).decode(),
            },
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


def password_of(name: str) -> str:
    """A password that can be searched for."""
    return f"{MARK}-{name}"


@contextmanager
def mlflow_server(
    postgres: Postgres, bucket: Bucket, folder: Path, port: int
) -> Iterator[Accounts]:
    """The server with databases of its own, until the end."""
    for database in ("mlflow", "mlflow_auth"):
        postgres.make(database)
    with started(postgres, bucket, folder, port) as accounts:
        yield accounts


@contextmanager
def started(postgres: Postgres, bucket: Bucket, folder: Path, port: int) -> Iterator[Accounts]:
    """The server on the databases that are there; it is killed at the end."""
    template = (ROOT / "mlflow" / "basic_auth.ini").read_text()
    place = f"127.0.0.1:{postgres.port}"
    settings = folder / "basic_auth.ini"
    settings.write_text(template.replace("localhost:5432", place))
    environment = clean_environment(folder) | bucket.environment | {
        "PGPASSWORD": PASSWORD,
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": f"{MARK}-flask",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_BACKEND_STORE_URI": f"postgresql+psycopg2://{USER}@{place}/mlflow",
        "MLFLOW_ARTIFACTS_DESTINATION": "s3://mlflow/artifacts",
    }  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
    ]
    log = folder / "mlflow.log"
    with serving(command, log, lambda: _answers(address), folder, environment):
        yield Accounts(address=address)


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(f"{address}/health", timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()
        return error.code == 401
    except OSError:
        return False
    return True
