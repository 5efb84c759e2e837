"""A version that no run registered is left as it is."""

from pathlib import Path
from typing import Any

import pytest

from rsft.lineage import Workspace
from rsft.registry import ModelVersion
from rsft.runs import description
from rsft.runs.description import describe_versions


def test_a_version_without_a_run_is_not_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = ModelVersion(name="rsft", version=1, aliases=(), tags={}, mlflow_run_id="m")
    monkeypatch.setattr(description, "without_card", lambda *_: [version])
    monkeypatch.setattr(description, "attach_card", lambda *_: pytest.fail("described"))
    registry: Any = None
    describe_versions(registry, Workspace(root=tmp_path, home=tmp_path), "rsft")
