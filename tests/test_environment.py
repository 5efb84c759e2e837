"""What the stack finds around it: no shadowed package, and settings that the user did not make."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rsft.environment import prepare_environment
from tests.workspaces import ROOT, clean_environment, git


def test_the_folder_mlflow_does_not_shadow_the_package() -> None:
    """With ``__init__.py`` in it, it would."""
    done = subprocess.run(
        [sys.executable, "-c", "import mlflow; print(mlflow.__file__)"],
        cwd=ROOT,
        env=clean_environment(ROOT),
        capture_output=True,
        text=True,
        check=True,
    )
    assert (ROOT / "mlflow").is_dir()
    assert "site-packages" in Path(done.stdout.strip()).parts


def test_the_folder_mlflow_holds_no_python() -> None:
    """But for the local store, which git ignores: models bring their code along."""
    listed = git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "mlflow")
    assert listed
    assert [name for name in listed.splitlines() if name.endswith((".py", ".pyc", ".pth"))] == []
    assert list((ROOT / "mlflow").glob("*.py")) == []


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    variables: dict[str, str] = {}
    monkeypatch.setattr(os, "environ", variables)
    return variables


def test_telemetry_is_off(environ: dict[str, str], tmp_path: Path) -> None:
    prepare_environment(tmp_path)
    assert environ["DO_NOT_TRACK"] == environ["DVC_NO_ANALYTICS"] == "1"
    assert environ["GX_ANALYTICS_ENABLED"] == "false"
    assert environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"


def test_prefect_keeps_its_state_in_the_main_checkout(
    environ: dict[str, str], tmp_path: Path
) -> None:
    prepare_environment(tmp_path)
    assert environ["PREFECT_HOME"] == str(tmp_path / ".rsft" / "prefect")
    assert Path(environ["PREFECT_HOME"]).is_dir()


def test_what_the_user_set_stays(environ: dict[str, str], tmp_path: Path) -> None:
    environ |= {"PREFECT_HOME": "/srv/prefect", "PREFECT_LOGGING_LEVEL": "DEBUG"}
    prepare_environment(tmp_path)
    assert environ["PREFECT_HOME"] == "/srv/prefect"
    assert environ["PREFECT_LOGGING_LEVEL"] == "DEBUG"
