"""What a run makes of its version: it is complete whatever becomes of the verdict."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows import run as flow
from rsft.errors import RegistryError
from rsft.lineage import Workspace
from rsft.registry import ModelVersion
from tests.runs.fake_registry import FakeRegistry
from tests.stages.cases import settings

VERSION = ModelVersion(name="rsft", version=1, aliases=("champion",), tags={}, mlflow_run_id="m")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> flow.Run:
    """A run at its end, of a version that the alias names, though none serves on record."""
    monkeypatch.setattr(flow, "read_record", lambda *_: [])
    monkeypatch.setattr(flow, "has_served", lambda *_: False)
    parts: dict[str, Any] = {"pipeline": None, "events": None, "registry": FakeRegistry("rsft", 1)}
    return flow.Run(
        run_id="one",
        began_at=datetime.now(UTC),
        age=0.0,
        started=0.0,
        config=settings(),
        workspace=Workspace(root=tmp_path, home=tmp_path),
        **parts,
    )


def test_the_record_says_who_serves(run: flow.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = SimpleNamespace(reason="better", outcome="promoted")
    monkeypatch.setattr(flow, "judge", lambda *_: SimpleNamespace(verdict=verdict))
    assert run.promote(VERSION)[1] == "better"
    monkeypatch.setattr(flow, "in_service", lambda *_: SimpleNamespace(version=1))
    told = run.promote(VERSION)
    assert told == (VERSION, "the same model is the champion already")


def test_without_mlflow_it_is_not_judged(run: flow.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> None:
        raise RegistryError("MLflow is away")

    monkeypatch.setattr(flow, "judge", away)
    told = "not judged: MLflow is away; `rsft promote rsft/1` does it"
    assert run.promote(VERSION) == (VERSION, told)


def test_who_was_promoted_meanwhile_is_not_judged(
    run: flow.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow, "judge", lambda *_: None)
    assert run.promote(VERSION)[1] == "not judged: it was promoted by somebody else meanwhile"
