"""Where a checkout stands, from its tags, locks and marks."""

import subprocess
import sys
from pathlib import Path

from rsft.lineage import owe_push, read_runs, record_registration, record_verdict
from rsft.runs.standing import tell_standing
from tests.runs.recorded import make_recorded
from tests.workspaces import ROOT

HOLDER = """
import sys
from pathlib import Path
from rsft.lineage import Workspace
folder = Path(sys.argv[1])
with Workspace(root=folder, home=folder).hold("r1"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_challenger_stands_as_its_last_verdict_says(tmp_path: Path) -> None:
    workspace = make_recorded(tmp_path, "one")
    (run,) = read_runs(workspace)
    assert tell_standing(workspace)["models"] == []
    record_registration(workspace, name="rsft", version=1, run=run, model_hash="m")
    (model,) = tell_standing(workspace)["models"]
    assert (model["champion"], model["challenger"], model["verdict"]) == (None, 1, None)
    for outcome in ("not promoted", "awaits approval"):
        details = {"is_promoted": False, "reason": f"it {outcome}", "against": None}
        told = details | {"outcome": outcome}
        record_verdict(workspace, name="rsft", version=1, run=run, details=told)
    (model,) = tell_standing(workspace)["models"]
    assert (model["verdict"], model["reason"]) == ("awaits approval", "it awaits approval")


def test_who_holds_a_workspace_is_told_as_long_as_they_do(tmp_path: Path) -> None:
    workspace = make_recorded(tmp_path, "one")
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        told = f"run r1 (process {holder.pid} of "
        assert tell_standing(workspace)["held"][str(tmp_path)].startswith(told)
        holder.communicate("")
    assert tell_standing(workspace)["held"] == {}


def test_the_runs_that_the_remote_lacks_are_named(tmp_path: Path) -> None:
    workspace = make_recorded(tmp_path, "one")
    assert tell_standing(workspace)["unpushed"] == []
    (run,) = read_runs(workspace)
    for run_id in (run.run_id, "killed before its tag"):
        owe_push(workspace, run_id)
    assert tell_standing(workspace)["unpushed"] == [run.run_id]


def test_what_was_edited_since_the_commit_is_named_but_for_what_such_runs_have(
    tmp_path: Path,
) -> None:
    for name in ("params.yaml", "prefect.yaml", "data/raw/a.dvc", "gone", "with space"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("before")
    workspace = make_recorded(tmp_path, "one")
    assert tell_standing(workspace)["uncommitted"] == []
    for name in ("params.yaml", "prefect.yaml", "data/raw/a.dvc", "with space", "stray"):
        (tmp_path / name).write_text("after")
    (tmp_path / "gone").unlink()
    assert tell_standing(workspace)["uncommitted"] == ["gone", "params.yaml", "with space"]
