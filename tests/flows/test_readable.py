"""A deployed commit that is no Python."""

import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest

import flows.readable as module
from flows.readable import find_unreadable, main
from tests.workspaces import ROOT

LINE = (
    "flows/b.py:2: no Python that can be read (invalid syntax); mend it and commit: scheduled runs "
    "work at the checkout's commit"
)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout, the current folder."""
    for name in ("flows/a.py", "rsft/c/d.py", "tests/e.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("x = 1\n")
    (tmp_path / "tests" / "e.py").write_text("def (\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def failed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[UUID, str]]:
    """The runs that were failed, and why."""
    told: list[tuple[UUID, str]] = []
    monkeypatch.setattr(module, "_fail", lambda *run: told.append(run))
    return told


def test_a_run_of_one_that_is_not_fails_with_the_line(
    tree: Path,
    failed: list[tuple[UUID, str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = uuid4()
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", str(run))
    assert main() == 0
    (tree / "flows" / "b.py").write_text("\ndef broken(:\n")
    assert main() == 1
    assert failed == [(run, LINE)]
    assert capsys.readouterr().err == f"{LINE}\n"


def test_without_a_run_it_is_told(
    tree: Path, failed: list[tuple[UUID, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT__FLOW_RUN_ID", raising=False)
    (tree / "rsft" / "c" / "d.py").write_bytes(b"x = '\0'\n")
    assert main() == 1
    assert failed == []


def test_this_checkout_is() -> None:
    assert find_unreadable(ROOT) is None


def test_it_imports_nothing_that_may_be_broken() -> None:
    code = "import sys, flows.readable; print({name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "'flows'" in done.stdout
    assert "'rsft'" not in done.stdout
    assert "'prefect'" not in done.stdout
