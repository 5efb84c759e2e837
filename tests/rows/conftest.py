"""A checkout with two recorded runs, and copies of it to spoil."""

import shutil
from pathlib import Path

import pytest

from rsft.lineage import RunRecord, Workspace, read_runs
from rsft.lineage.tagging import write_tag
from tests.rows.cases import TRAIN, record, renamed, write_data
from tests.workspaces import git, make_repository


@pytest.fixture(autouse=True)
def no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs: in the second, the prompts ``train-0`` and ``train-1`` have changed ids."""
    folder = tmp_path_factory.mktemp("rows")
    for name in ("data/forgotten.jsonl", "dvc.yaml", ".dvc/config"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    (folder / ".gitignore").write_text("/.dvc/cache\n/.rsft\n")
    make_repository(folder)
    write_data(folder)
    first = record(folder, "20260101-one", params={"generate": {"temperature": 1.0}})
    write_data(folder, {"train": renamed(TRAIN, train_0="train-1", train_1="train-0")})
    record(folder, "20260102-two")
    weights = first.stages["all"].outs["data/rounds/2/trained"].hash
    details = {"kind": "registered", "version": 3, "run_id": "20260101-one", "model_hash": weights}
    write_tag(folder, "rsft@v3.0.0", first.commit, "Registered", details)
    told = {"version": 3, "run_id": "20260101-one", "reason": "better", "against": None}
    promoted = {"kind": "promoted", **told}
    write_tag(folder, "rsft#champion#1", first.commit, "Promoted", promoted)
    return folder


@pytest.fixture
def workspace(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    folder = tmp_path / "checkout"
    shutil.copytree(template, folder)
    monkeypatch.chdir(folder)
    assert git(folder, "status", "--porcelain") == "?? dvc.lock"
    return Workspace(root=folder, home=folder)


@pytest.fixture
def runs(workspace: Workspace) -> list[RunRecord]:
    return read_runs(workspace)
