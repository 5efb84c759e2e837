"""A checkout with two runs and two versions on record, the first of which serves."""

import pytest

from rsft.lineage import Workspace
from tests.runs.records import FIRST, SECOND, enter, make_checkout, make_run


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Not to be changed."""
    workspace = make_checkout(tmp_path_factory.mktemp("recorded"))
    first = make_run(workspace, FIRST)
    second = make_run(workspace, SECOND, "0")
    for version, run_id, commit in ((1, FIRST, first), (2, SECOND, second)):
        told = {"version": version, "run_id": run_id}
        enter(workspace, f"rsft@v{version}.0.0", commit, kind="registered", **told)
    promoted = {"kind": "promoted", "version": 1, "run_id": FIRST, "approved_by": "Eve"}
    enter(workspace, "rsft#champion#1", first, 1, reason="+5.0 points [1.2, 8.8]", **promoted)
    return workspace
