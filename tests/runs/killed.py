"""Kills processes at given points of a promotion or a registration, and says what is left.

    python -m tests.runs.killed CHECKOUT

MLflow takes seconds to import, so each process here is a fork of one that has imported it.
"""

import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rsft.lineage import Cache, Workspace, in_service, read_record, read_runs
from rsft.registry import Registry
from rsft.runs.record import promote, reconcile, roll_back
from rsft.runs.registration import register_pending
from tests.runs.recorded import add_run, write_little

CHANGE = {"reason": "better", "approved_by": None}


VERSIONS = """
    SELECT version FROM model_versions WHERE current_stage != 'Deleted_Internal' ORDER BY version
"""


def main(folder: Path) -> None:
    """Prints what the record and the registry held after each death, and after the next process."""
    workspace = Workspace(root=folder, home=folder)

    def register() -> None:
        register_pending(workspace, Registry.open(folder), "rsft")

    def change(version: int, against: int | None) -> None:
        run = read_runs(workspace)[version - 1]
        what = {"name": "rsft", "version": version, "run": run}
        promote(workspace, Registry.open(folder), details={**CHANGE, "against": against}, **what)

    def back() -> None:
        roll_back(workspace, Registry.open(folder), "rsft", "bad")

    def follow() -> None:
        reconcile(workspace, Registry.open(folder), "rsft")

    client = "mlflow.MlflowClient"
    move, mark = "rsft.runs.record.move_alias", f"{client}.set_registered_model_tag"
    note, take_back = "rsft.runs.registration.note_registered", f"{client}.delete_model_version"
    points: dict[str, tuple[str, Callable[[], None], Callable[[], None]]] = {
        "version, tag": ("rsft.runs.registration.record_registration", register, register),
        "registration, alias": (move, lambda: add(workspace, "two", register), register),
        "promotion, alias": (move, lambda: change(1, None), follow),
        "alias, mark": (mark, lambda: change(2, 1), follow),
        "rollback, alias": (move, back, back),
        "registration, note": (note, lambda: add(workspace, "three", register), register),
        "number, taken back": (take_back, lambda: anew(workspace, register), register),
    }
    told = {}
    for name, (function, work, finish) in points.items():
        in_a_process(work, dies_at=function)
        killed = seen(workspace)
        in_a_process(finish)
        told[name] = {"killed": killed, "finished": seen(workspace)}
    print(json.dumps(told))


def add(workspace: Workspace, model: str, register: Callable[[], None]) -> None:
    """Another run ends, and registers its model."""
    add_run(workspace, f"2026010{len(read_runs(workspace)) + 1}T000000-demo", model)
    register()


def anew(workspace: Workspace, register: Callable[[], None]) -> None:
    """The registry is lost, and the first model too, whose number is not for the second."""
    Registry.open(workspace.home).client.delete_registered_model("rsft")
    cache, first = Cache(workspace), read_runs(workspace)[0]
    cache.object(first.manifest["model"]["hash"]).unlink()
    register()


def seen(workspace: Workspace) -> dict[str, Any]:
    """What the record and the registry's tables say."""
    with closing(sqlite3.connect(workspace.home / "mlflow" / "mlflow.db")) as tables:
        versions = tables.execute(VERSIONS).fetchall()
        aliases = tables.execute("SELECT alias, version FROM registered_model_aliases").fetchall()
    record = read_record(workspace, "rsft")
    serving = in_service(record, "rsft")
    return {
        "versions": [version for (version,) in versions],
        "aliases": dict(aliases),
        "tags": [entry.tag for entry in record],
        "serving": serving and serving.version,
    }


def in_a_process(work: Callable[[], Any], dies_at: str | None = None) -> None:
    """Does something in a fork, which is killed where it calls a function."""
    process = os.fork()
    if process == 0:
        if dies_at is not None:
            patch(dies_at, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)).start()
        work()
        os._exit(0)
    _, status = os.waitpid(process, 0)
    expected = 0 if dies_at is None else -signal.SIGKILL
    assert os.waitstatus_to_exitcode(status) == expected, dies_at


if __name__ == "__main__":
    import mlflow.pyfunc
    import mlflow.store.model_registry.sqlalchemy_store
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401

    with patch("rsft.registry.registering.write_model", write_little):
        main(Path(sys.argv[1]))
