"""A finished run, replayed elsewhere."""

import json
from pathlib import Path

from tests.flows.conftest import Finished
from tests.workspaces import git, rsft


def test_a_clone_rebuilds_the_run_from_its_tag_alone(finished: Finished, tmp_path: Path) -> None:
    """The clone has no cache, so that nothing can be handed back."""
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(finished.folder), str(clone))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    done = rsft(clone, "replay", finished.summary["run_id"], "--json", TMPDIR=str(scratch))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["is_same"]
    assert found["environment"] == []
    assert {stage["state"] for stage in found["stages"]} == {"same"}
    assert len(found["stages"]) == 13
    assert "the same: 13 stages gave what the run recorded" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(scratch.iterdir()) == []
    assert git(clone, "status", "--porcelain") == ""
