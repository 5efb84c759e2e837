"""A checkout whose data sets lie in DVC's cache, and an OpenLineage that writes a file."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from rsft.lineage import OutRecord, Workspace
from tests.workspaces import make_repository

Read = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def no_settings_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OPENLINEAGE_")]:
        monkeypatch.delenv(name)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "dvc.yaml").write_text("")
    make_repository(folder)
    monkeypatch.chdir(folder)
    return Workspace(root=folder, home=folder)


@pytest.fixture
def read_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Has events written into a file, by OpenLineage's own variables, and reads them."""
    file = tmp_path / "events.jsonl"
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "file")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__LOG_FILE_PATH", str(file))
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__APPEND", "true")
    file.touch()
    return lambda: [json.loads(line) for line in file.read_text().split("\n")[:-1]]


def keep(workspace: Workspace, content: bytes | Mapping[str, bytes]) -> OutRecord:
    """Puts a file, or a folder of files, into the cache, as DVC would."""
    if isinstance(content, bytes):
        return OutRecord(hash=_keep(workspace, content), size=len(content), files=1)
    listed = [{"md5": _keep(workspace, data), "relpath": name} for name, data in content.items()]
    md5 = _keep(workspace, json.dumps(listed).encode(), ".dir")
    return OutRecord(hash=md5, size=sum(map(len, content.values())), files=len(content))


def _keep(workspace: Workspace, content: bytes, suffix: str = "") -> str:
    md5 = hashlib.md5(content).hexdigest() + suffix
    file = workspace.home / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return md5
