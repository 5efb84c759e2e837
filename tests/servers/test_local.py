"""Which servers a checkout has."""

import importlib
from pathlib import Path

import pytest

from rsft.servers import local_servers

PORTS = {"prefect": 1, "mlflow": 2, "docs": 3}


@pytest.mark.parametrize(
    ("store", "with_worker", "names"),
    [
        (None, True, ["Prefect", "MLflow", "Data Docs", "Worker"]),
        ("sqlite:///mlflow.db", False, ["Prefect", "MLflow", "Data Docs"]),
        ("http://127.0.0.1:5000", True, ["Prefect", "Data Docs", "Worker"]),
        ("https://models.example.org", False, ["Prefect", "Data Docs"]),
    ],
)
def test_mlflows_page_is_served_where_no_server_of_its_own_does(
    store: str | None, with_worker: bool, names: list[str]
) -> None:
    servers = local_servers(Path("checkout"), store, PORTS, with_worker=with_worker)
    assert [server.name for server in servers] == names


def test_who_holds_the_only_place_outlives_prefects_server() -> None:
    """Prefect ends a run whose place its server forgot, and frees no place that it forgot."""
    prefect = local_servers(Path("checkout"), None, PORTS, with_worker=True)[0]
    storage = prefect.environment["PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"]
    module = importlib.import_module(storage)
    assert module.ConcurrencyLeaseStorage(storage_path=Path("leases")).storage_path == Path(
        "leases"
    )


def test_mlflow_is_opened_where_runs_and_models_are() -> None:
    mlflow = local_servers(Path("checkout"), None, PORTS, with_worker=True)[1]
    assert mlflow.address == "http://127.0.0.1:2"
    assert mlflow.shown == "http://127.0.0.1:2/#/experiments?workflowType=machine_learning"
