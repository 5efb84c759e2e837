"""A checkout with two runs and two versions on record, the first of which serves; and a store."""

from pathlib import Path

import pytest

from rsft.lineage import Workspace
from tests.registry.conftest import MLFLOW_WARNINGS
from tests.registry.conftest import name as name
from tests.registry.conftest import registry as registry
from tests.runs.records import FIRST, SECOND, enter, make_checkout, make_run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and "registry" in item.fixturenames:
            for warning in MLFLOW_WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Not to be changed."""
    workspace = make_checkout(tmp_path_factory.mktemp("recorded"))
    first = make_run(workspace, FIRST)
    second = make_run(workspace, SECOND, "0")
    for version, run_id, commit in ((1, FIRST, first), (2, SECOND, second)):
        told = {"version": version, "run_id": run_id, "model_hash": f"{version:032}.dir"}
        enter(workspace, f"rsft@v{version}.0.0", commit, kind="registered", **told)
    promoted = {
        "kind": "promoted",
        "version": 1,
        "run_id": FIRST,
        "against": None,
        "approved_by": "Eve",
    }
    enter(workspace, "rsft#champion#1", first, 1, reason="+5.0 points [1.2, 8.8]", **promoted)
    return workspace
