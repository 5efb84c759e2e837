"""A run whose registry is away when it ends: it is complete, and says so."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import RenderableType

from flows import run as flow
from flows.retrain import finish
from rsft.errors import RegistryError
from rsft.lineage import Snapshot, Workspace, read_runs
from rsft.registry import get_version
from rsft.report.display import LogDisplay
from rsft.runs.registration import Registered
from tests.runs.fake_registry import FakeRegistry
from tests.runs.recorded import make_recorded
from tests.stages.cases import settings

NONE_LEFT = Registered(versions=[], left={})


class Shown(LogDisplay):
    """A display that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def show(self, what: RenderableType) -> None:
        self.lines.append(str(what))


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    display = Shown()
    monkeypatch.setattr(flow, "current_display", lambda: display)
    monkeypatch.setattr(flow, "_as_task", lambda _, function: function())
    return display


@pytest.fixture
def ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[flow.Run, Snapshot]:
    """A run at its end, and its tag."""
    workspace: Workspace = make_recorded(tmp_path, "one")
    (record,) = read_runs(workspace)
    parts: dict[str, Any] = {"pipeline": None, "registry": FakeRegistry("rsft", 1), "events": None}
    run = flow.Run(
        run_id=record.run_id,
        began_at=datetime.now(UTC),
        age=0.0,
        started=0.0,
        config=settings(),
        workspace=workspace,
        **parts,
    )
    snapshot = Snapshot(tag=record.tag, commit=record.commit, lock_sha256="")
    monkeypatch.setattr(run, "snapshot", lambda: snapshot, raising=False)
    monkeypatch.setattr(run, "push", lambda: None, raising=False)
    monkeypatch.setattr(flow, "describe_versions", lambda *_: None)
    return run, snapshot


def test_it_ends_without_a_version(
    ended: tuple[flow.Run, Snapshot], shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RegistryError("MLflow's store http://x cannot be used (refused [x])")

    monkeypatch.setattr(flow, "register_patiently", fail)
    monkeypatch.setattr(flow.Run, "promote", lambda *_: pytest.fail("nothing to promote"))
    monkeypatch.setattr(flow.Run, "summarise", lambda _, *what: {"told": what})
    late = "not registered; `rsft register`, or the next run, does it or says why it cannot"
    assert finish(ended[0]) == {"told": (ended[1], None, late)}
    (line,) = shown.lines
    assert "MLflow's store http://x cannot be used (refused \\[x]); the run is complete" in line
    assert line.endswith(", and `rsft register`, or the next run, registers it")


def test_an_alias_that_is_not_as_recorded_is_told(
    ended: tuple[flow.Run, Snapshot], shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, snapshot = ended
    registry: Any = run.registry
    registry.aliases["champion"] = "1"
    registry.tags["record.champion"] = "rsft#champion#1"
    monkeypatch.setattr(flow, "register_patiently", lambda *_: NONE_LEFT)
    monkeypatch.setattr(flow, "registered_version", lambda *_: get_version(registry, "rsft", 1))
    version = run.register(snapshot)
    assert version is not None
    assert version.version == 1
    (line,) = shown.lines
    assert "rsft@champion is version 1, on record is no version: it was last moved for" in line
    assert registry.aliases == {"champion": "1"}


def test_runs_that_cannot_be_registered_are_one_line_and_stop_nothing(
    ended: tuple[flow.Run, Snapshot], shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, snapshot = ended
    registry: Any = run.registry
    left = {"run/a": "object [x] is not in the cache", "run/b": "the same"}
    done = [Registered(versions=[], left=left), Registered(versions=[], left={snapshot.tag: "why"})]
    monkeypatch.setattr(flow, "register_patiently", lambda *_: done.pop(0))
    monkeypatch.setattr(flow, "registered_version", lambda *_: get_version(registry, "rsft", 1))
    assert run.register(snapshot) is not None
    assert run.register(snapshot) is None
    assert shown.lines == [
        "[yellow]not registered:[/] run/a: object \\[x] is not in the cache; and 1 more, "
        "`rsft register` names them",
        f"[yellow]not registered:[/] {snapshot.tag}: why",
    ]
