"""``rsft prompts``: what it prints, its exit codes, and that adding needs no server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from rsft.cli.app import app
from rsft.lineage import Workspace
from rsft.runs.intake import take_in
from tests.runs.intake.conftest import TRAIN, settings, write
from tests.runs.intake.conftest import place as place

NEW = {"id": "u1", "prompt": "5 + 5?", "answer": "10"}

Call = Callable[..., Result]


@pytest.fixture
def call(place: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Calls a command in a folder with prompts; DVC is left out (tests/runs/intake)."""
    workspace = Workspace(root=place, home=place)
    opened = (workspace, settings())
    monkeypatch.setattr("rsft.cli.prompts.workspace_and_config", lambda: opened)
    monkeypatch.setattr("rsft.runs.intake.taking.version_input", lambda *_: None)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return lambda *arguments: CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_adding_tells_the_counts_and_that_nobody_was_told(call: Call) -> None:
    write(Path("in.jsonl"), NEW, TRAIN[0], "{oops")
    done = call("prompts", "add", "in.jsonl")
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert lines[0] == "in.jsonl: 1 new, 1 known, 1 refused"
    assert lines[1].startswith("  line 3: not JSON (")
    assert lines[2].startswith("3 prompts to train on, version ")
    assert lines[3] == (
        "no event was sent: no `rsft up` runs here, and PREFECT_API_URL is not set; the next "
        "schedule sees them"
    )


def test_as_json_it_is_one_document(call: Call) -> None:
    write(Path("in.jsonl"), NEW)
    told = json.loads(call("prompts", "add", "in.jsonl", "--json").stdout)
    assert (told["new"], told["total"], told["event_sent"]) == (1, 3, False)
    listed = json.loads(call("prompts", "--json").stdout)
    assert listed["fingerprint"] == told["fingerprint"]
    assert [one["new"] for one in listed["additions"]] == [1]


def test_a_file_of_no_use_is_exit_code_1(call: Call) -> None:
    write(Path("in.jsonl"), "{oops")
    assert call("prompts", "add", "in.jsonl").exit_code == 1


def test_versions_are_listed(call: Call) -> None:
    assert call("prompts").output.startswith("nothing was added yet")
    write(Path("in.jsonl"), NEW)
    call("prompts", "add", "in.jsonl")
    assert "3 prompts, 1 new of in.jsonl" in call("prompts").output


def test_where_there_is_a_server_it_is_told(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr("flows.prompts.announce_by_hand", lambda found: told.append(found.root))
    monkeypatch.setattr("rsft.lineage.uncommitted", lambda _: ["params.yaml"])
    write(Path("in.jsonl"), NEW)
    lines = call("prompts", "add", "in.jsonl").output.splitlines()
    assert lines[2:] == [
        "params.yaml not committed: deployed runs work at the commit, without that"
    ]
    call("prompts", "add", "in.jsonl")  # nothing is new now
    assert told == [Path.cwd()]


def test_what_came_by_git_alone_is_told_too(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr("flows.prompts.announce_by_hand", told.append)
    monkeypatch.setattr("rsft.lineage.uncommitted", lambda _: [])
    write(Path("in.jsonl"), TRAIN[0])
    write(Path("theirs.jsonl"), NEW)

    def take(workspace: Any, config: Any, **_: Any) -> Any:
        return take_in(workspace, config, Path("theirs.jsonl"))

    monkeypatch.setattr("rsft.runs.intake.take_upstream", take)
    assert json.loads(call("prompts", "add", "in.jsonl", "--json").stdout)["event_sent"]
    assert len(told) == 1
