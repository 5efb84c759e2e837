"""``rsft replay`` as it is typed, on the made-up project."""

import json
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import Result
from typer.testing import CliRunner

from rsft.cli import replay as command
from rsft.cli.app import app
from rsft.errors import ConfigurationError, WorkspaceError
from rsft.lineage import Workspace


@pytest.fixture
def scratch(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders go; the project is the workspace at hand."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    config = SimpleNamespace(register_=SimpleNamespace(name="m"))

    def enter() -> tuple[Workspace, SimpleNamespace]:
        os.chdir(project)
        return Workspace(root=project, home=project), config

    monkeypatch.setattr(command, "workspace_and_config", enter)
    monkeypatch.chdir(tmp_path)
    return folder


def typed(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["replay", "demo", *arguments])


def test_a_run_that_is_the_same_ends_with_0_and_leaves_nothing(scratch: Path) -> None:
    done = typed()
    assert done.exit_code == 0, done.output
    first, *stages, last = done.output.splitlines()
    assert first.startswith("run/demo (")
    assert [line.split()[:2] for line in stages] == [["shout@1", "same"], ["count", "same"]]
    assert last == "the same: 2 stages gave what the run recorded"
    assert list(scratch.iterdir()) == []


def test_one_that_is_not_ends_with_1_and_one_document(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOISE", "!")
    done = typed("--json")
    assert done.exit_code == 1
    assert "not the same: 1 of 2 stages: shout@1" in done.stderr
    document = json.loads(done.stdout)
    assert (document["run_id"], document["is_same"]) == ("demo", False)
    (out,) = document["stages"][0]["outs"]
    assert [found["path"] for found in out["differences"]] == ["shouts.txt"]
    assert list(scratch.iterdir()) == []


def test_a_data_set_is_replayed_by_its_stage(scratch: Path) -> None:
    done = CliRunner().invoke(app, ["replay", "data/count.json"])
    assert done.output.splitlines()[-1] == "the same: 1 stage gave what the run recorded"


def test_what_was_rebuilt_is_kept_where_that_is_wanted(scratch: Path, tmp_path: Path) -> None:
    assert typed("--keep", "kept").exit_code == 0
    assert (tmp_path / "kept" / "data" / "out" / "shouts.txt").read_text() == "HELLO QUIETLY1"
    os.chdir(tmp_path)
    again = typed("--keep", "kept")
    assert isinstance(again.exception, ConfigurationError)
    assert "is there already" in str(again.exception)


def test_a_full_disk_is_one_line(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rsft.runs.replay.folder.write_tree", full)
    done = typed()
    assert isinstance(done.exception, WorkspaceError)
    assert "no room left" in str(done.exception)
    assert "TMPDIR" in str(done.exception)
