"""The commands about the record, on a hand-made one: what they print, and their exit codes."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from rsft.cli.app import app
from rsft.lineage import Workspace, read_runs, record_registration, record_verdict
from rsft.runs.record import promote, reconcile
from tests.runs.fake_registry import FakeRegistry
from tests.runs.recorded import make_recorded
from tests.workspaces import git

Call = Callable[..., Result]

VERDICT = {"is_promoted": True, "reason": "+18.2 [1\x1b[2J] points", "against": None, "look": 1}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three versions, the first two of which became champions one after the other."""
    folder = tmp_path_factory.mktemp("template")
    workspace = make_recorded(folder, "one", "two", "three")
    for version, run in enumerate(read_runs(workspace), start=1):
        what: dict[str, Any] = {"name": "rsft", "version": version, "run": run}
        record_registration(workspace, model_hash=run.manifest["model"]["hash"], **what)
        if version == 1:
            record_verdict(workspace, details=VERDICT, **what)
        if version < 3:
            against = version - 1 or None
            details = {"reason": "better", "against": against, "approved_by": "Bo [x]"}
            promote(workspace, FakeRegistry("rsft", 3), details=details, **what)  # type: ignore[arg-type]
    return folder


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry("rsft", 3)


@pytest.fixture
def call(
    template: Path, tmp_path: Path, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> Call:
    """Calls a command in that workspace, whose aliases are as recorded."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    workspace = Workspace(root=tmp_path, home=tmp_path)
    reconcile(workspace, registry, "rsft")  # type: ignore[arg-type]
    monkeypatch.setattr(Workspace, "open", lambda: workspace)
    opened = (workspace, registry, "rsft")
    monkeypatch.setattr("rsft.cli.history._opened", lambda _: opened)
    return lambda *arguments: CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_history_tells_who_when_and_why(call: Call) -> None:
    done = call("history")
    assert done.exit_code == 0
    head, *entries = done.output.split("\n\n")
    assert head == "rsft: version 2 is in service, version 3 contends"
    events = [entry.splitlines()[0].partition("  ")[2] for entry in entries]
    assert events == [
        "version 1 registered",
        "version 1 judged against the base: passed",
        "version 1 promoted, the first champion",
        "version 2 registered",
        "version 2 promoted, for version 1",
        "version 3 registered",
    ]
    assert "    +18.2 [1\\x1b[2J] points\n" in entries[1]
    assert "by ann <ann@example.org>, approved by Bo [x], tag rsft#champion#2" in entries[4]


def test_the_story_of_two_champions_word_for_word(call: Call) -> None:
    """As it stands in the documents, but for the times and hashes."""
    call("rollback", "--reason", "answers got longer")
    story = re.sub(r"20\d\d-\S+|\w{32}", "…", call("history").output)
    told = story[story.index("…  version 2 registered") :]
    assert (
        told
        == """\
…  version 2 registered
    run 20260102T000000-demo, model ….dir
    by ann <ann@example.org>, tag rsft@v2.0.0

…  version 2 promoted, for version 1
    better
    by ann <ann@example.org>, approved by Bo [x], tag rsft#champion#2

…  version 3 registered
    run 20260103T000000-demo, model ….dir
    by ann <ann@example.org>, tag rsft@v3.0.0

…  version 1 put into service again, for version 2
    answers got longer
    by ann <ann@example.org>, tag rsft#champion#3
"""
    )
    assert story.startswith("rsft: version 1 is in service, version 3 contends\n\n…  version 1 reg")


def test_history_as_json_is_one_document(call: Call) -> None:
    (model,) = json.loads(call("history", "rsft", "--json").output)["models"]
    assert (model["name"], model["champion"], model["challenger"]) == ("rsft", 2, 3)
    entry = model["entries"][4]
    assert (entry["kind"], entry["version"], entry["details"]["against"]) == ("promoted", 2, 1)
    assert "differences" not in model


def test_history_of_a_model_that_is_not_on_record(call: Call) -> None:
    from rsft.errors import LineageError

    with pytest.raises(LineageError, match="'other' has no record here; there are records of rsft"):
        call("history", "other")


def test_history_checks_mlflow_where_it_is_asked_to(call: Call, registry: FakeRegistry) -> None:
    assert call("history", "--check").exit_code == 0
    registry.aliases["champion"] = "1"
    assert call("history").exit_code == 0
    done = call("history", "--check")
    assert done.exit_code == 1
    told = "rsft@champion is version 1, on record is version 2: it was moved by hand; "
    assert done.output.splitlines()[-1].startswith(told)
    done = call("history", "--check", "--json")
    (found,) = json.loads(done.output)["models"][0]["differences"]
    assert (done.exit_code, found["found"], found["recorded"]) == (1, 1, 2)
    assert found["told"].startswith(told)


def test_history_names_a_tag_that_was_deleted(call: Call) -> None:
    git(Workspace.open().root, "tag", "--delete", "rsft#champion#1")
    told = "rsft#champion#1 is missing: deleted, overwritten, or not fetched"
    done = call("history")
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, told)
    assert call("history", "--check").exit_code == 1


def test_rollback_says_what_serves_and_records_why(call: Call, registry: FakeRegistry) -> None:
    done = call("rollback", "--reason", "it\nrambles")
    served = "rsft version 1 is in service again, instead of version 2 (rsft#champion#3)\n"
    assert (done.exit_code, done.output) == (0, served)
    assert registry.aliases["champion"] == "1"
    (model,) = json.loads(call("history", "--json").output)["models"]
    assert model["entries"][-1]["details"]["reason"] == "it\nrambles"
    assert (
        "version 1 put into service again, for version 2\n    it\\nrambles\n"
        in call("history").output
    )


def test_rollback_as_json_is_the_entry(call: Call) -> None:
    entry = json.loads(call("rollback", "--json").output)
    assert (entry["kind"], entry["version"]) == ("rolled_back", 1)
    assert entry["details"]["reason"] == "no reason given"


def test_reconcile_moves_what_was_moved(call: Call, registry: FakeRegistry) -> None:
    assert call("reconcile").output == "rsft: the aliases are as recorded\n"
    registry.aliases["champion"] = "3"
    moved = "rsft@champion moved from version 3 to version 2 (moved by hand)\n"
    assert call("reconcile").output == moved
    assert registry.aliases["champion"] == "2"
    assert json.loads(call("reconcile", "--json").output) == {"name": "rsft", "moved": []}


def test_register_says_where_nothing_is_left(call: Call) -> None:
    assert call("register").output == "rsft: every run is registered\n"
    assert json.loads(call("register", "--json").output) == {
        "name": "rsft",
        "registered": [],
        "left": [],
    }


def test_register_names_what_it_could_not(call: Call, registry: FakeRegistry) -> None:
    workspace = Workspace.open()
    shutil.rmtree(workspace.home / ".dvc" / "cache")
    git(workspace.root, "tag", "--delete", "rsft@v3.0.0")
    done = call("register")
    told = "not registered: run/20260103T000000-demo: the list of data set "
    assert (done.exit_code, done.output[: len(told)]) == (1, told)
    done = call("register", "--json")
    (left,) = json.loads(done.output)["left"]
    assert (done.exit_code, left["tag"]) == (1, "run/20260103T000000-demo")
