"""A finished run is proven by its command line and by the flow, and a fault in it is found."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.audit.conftest import flip
from tests.flows.conftest import Finished, Up
from tests.workspaces import clean_environment, rsft

KINDS = {
    "object",
    "lock",
    "edge",
    "settings",
    "code",
    "marked",
    "rows",
    "expectations",
    "registration",
    "artifact",
    "alias",
    "record",
    "checkout",
}


@contextmanager
def spoilt(folder: Path) -> Iterator[str]:
    """A bit of a registered model's weights, flipped in MLflow's store."""
    (file,) = folder.glob("mlflow/artifacts/**/model.safetensors")
    flip(file)
    yield str(file)
    flip(file)


def test_a_run_is_proven_by_every_check(finished: Finished) -> None:
    done = rsft(finished.folder, "audit", "--all", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert finished.summary["tag"] in report["runs"]
    assert {kind for kind, count in report["checked"].items() if count} == KINDS


def test_a_fault_is_told_and_the_command_ends_with_1(finished: Finished) -> None:
    with spoilt(finished.folder) as file:
        done = rsft(finished.folder, "audit", "rsft/1")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "differs artifact: rsft/1: model.safetensors in " in done.stdout
    assert file.removesuffix("/model.safetensors") in done.stdout
    assert done.stdout.splitlines()[-1].startswith("audit failed: 1 differs; 1 run")


def test_what_is_no_subject_is_an_error_of_one_line(finished: Finished) -> None:
    done = rsft(finished.folder, "audit", "nothing")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "'nothing' is no version" in done.stderr


def test_the_scheduled_audit_fails_where_anything_differs(finished: Finished, up: Up) -> None:
    with spoilt(finished.folder):
        done = subprocess.run(
            [sys.executable, "-c", "from flows.audit import audit; audit()"],
            cwd=finished.folder,
            env=clean_environment(finished.folder, **up.environment),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "audit failed: 1 differs" in done.stderr
    assert "artifact: rsft/1: model.safetensors" in done.stderr
