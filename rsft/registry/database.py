"""Making MLflow's SQLite database: at once, and whole or not at all.

MLflow makes its tables by replaying some sixty migrations, and SQLite flushes each statement to
the disk: seconds where flushing is slow, and a database that MLflow cannot open again where it is
killed meanwhile. Here they are made in a temporary file that is never flushed, which then becomes
the database in one step.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def make_database(database: Path) -> None:
    """Makes an empty MLflow store; the caller sees to it that nobody else does so meanwhile."""
    from mlflow import MlflowClient

    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "mlflow.db"
        with _unflushed():
            MlflowClient(f"sqlite:///{made}").search_experiments(max_results=1)
        # Copied, since MLflow keeps the file that it made open.
        part = database.with_name(f".{database.name}.{os.getpid()}.tmp")
        shutil.copyfile(made, part)
    part.replace(database)


@contextmanager
def _unflushed() -> Iterator[None]:
    from sqlalchemy import Engine, event

    event.listen(Engine, "connect", _stop_flushing)
    try:
        yield
    finally:
        event.remove(Engine, "connect", _stop_flushing)


def _stop_flushing(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous = OFF")
