"""A connection to MLflow: a local store in ``mlflow/``, or a server named in the settings.

MLflow's defaults are made for a cluster: it retries a refused connection for minutes, and puts
artifacts into the current folder. Here an unreachable store is an error within seconds, at
connecting, and the local store has its artifacts beside its database.
"""

import logging
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from rsft.addresses import without_secrets
from rsft.errors import RefusalError, RegistryError
from rsft.registry.database import make_database

_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
"""Read by MLflow at its import or later; the user's own values win."""

_SQLITE = "sqlite:///"

_REFUSALS = {
    "UNAUTHENTICATED": "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    "PERMISSION_DENIED": "its administrator gives the role that may do so (mlflow/README.md)",
}
"""What to do about it, by MLflow's code."""

_CREATION_SECONDS = 60
"""How long to wait for another process that is making the store's tables."""


class Registry:
    """An open connection to MLflow's tracking store and model registry."""

    def __init__(self, tracking_uri: str, artifact_root: Path | None = None) -> None:
        """Connects, and makes the store where there is none yet.

        Args:
            tracking_uri: MLflow's address: ``sqlite:///…``, another database, or a server.
            artifact_root: Folder of new artifacts; null leaves the choice to the server.

        Raises:
            RegistryError: Where the store cannot be reached or written.
        """
        self.tracking_uri = tracking_uri
        self._artifact_location = artifact_root.resolve().as_uri() if artifact_root else None
        _import_mlflow()
        with self.errors():
            self.client = _connect(tracking_uri)

    @classmethod
    def open(cls, home: Path, tracking_uri: str | None = None) -> "Registry":
        """Connects to the store of a checkout.

        Args:
            home: The main checkout, also where the caller runs in a worktree of it.
            tracking_uri: MLflow's address from the settings. Without it ``MLFLOW_TRACKING_URI``
                counts, and without that the store in the checkout's ``mlflow/``.

        Raises:
            RegistryError: Where the store cannot be reached or written.
        """
        folder = home.resolve() / "mlflow"
        uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
        if uri is None:
            uri = f"{_SQLITE}{folder / 'mlflow.db'}"
        return cls(uri, None if _is_server(uri) else folder / "artifacts")

    @property
    def shown_uri(self) -> str:
        """The address, fit for a message: without secrets."""
        return without_secrets(self.tracking_uri)

    def temporary_folder(self) -> Path:
        """An empty folder that is removed with this connection, at the end of the process at last.

        MLflow's own temporary copies stay for ever.
        """
        folder = Path(tempfile.mkdtemp(prefix="rsft-registry-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    def experiment_id(self, name: str) -> str:
        """Id of an experiment, which is made where there is none."""
        with self.errors():
            experiment = self.client.get_experiment_by_name(name)
            if experiment is None:
                return str(self.client.create_experiment(name, self._artifact_location))
        return str(experiment.experiment_id)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turns what MLflow raises about the world into a ``RegistryError`` of one line."""
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except MlflowException as error:
            if error.error_code == "INVALID_PARAMETER_VALUE":
                raise  # our defect, not the store's
            if error.error_code in _REFUSALS:
                raise self._refusal(error.error_code) from None
            raise self._error(error) from None
        except (SQLAlchemyError, OSError, ImportError) as error:  # ImportError: a database's driver
            raise self._error(error) from None

    def _refusal(self, code: str) -> RefusalError:
        user = os.environ.get("MLFLOW_TRACKING_USERNAME")
        who = "who gives no name" if user is None else f"{user!r}"
        return RefusalError(
            f"MLflow's server {self.shown_uri} refuses this user, {who}: {_REFUSALS[code]}"
        )

    def _error(self, error: BaseException) -> RegistryError:
        while cause := error.__cause__ or (not error.__suppress_context__ and error.__context__):
            error = cause
        first = str(error).strip().partition("\n")[0] or type(error).__name__
        why = without_secrets(first)
        return RegistryError(
            f"MLflow's store {self.shown_uri} cannot be used ({why}); start its server, or set "
            f"another address as register.tracking_uri"
        )


def _import_mlflow() -> None:
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import mlflow  # noqa: F401

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    # The database layer logs the traceback of what it then raises.
    logging.getLogger("mlflow.store.db").setLevel(logging.CRITICAL)


def _connect(uri: str) -> Any:
    if _is_server(uri):
        with _short_patience():
            return _client(uri)
    _probe(uri)
    if not uri.startswith(_SQLITE):
        return _client(uri)
    database = Path(uri.removeprefix(_SQLITE))
    with FileLock(f"{database}.lock", timeout=_CREATION_SECONDS):
        if database.stat().st_size == 0:
            make_database(database)
    return _client(uri)


def _client(uri: str) -> Any:
    from mlflow import MlflowClient

    client = MlflowClient(uri, uri)
    client.search_experiments(max_results=1)
    return client


def _is_server(uri: str) -> bool:
    return uri.startswith(("http://", "https://", "databricks"))


@contextmanager
def _short_patience() -> Iterator[None]:
    """Limits requests to seconds: MLflow would wait minutes for a server that is down.

    Only while connecting: an upload at the end of a long run deserves MLflow's patience.
    """
    from mlflow.environment_variables import (
        MLFLOW_HTTP_REQUEST_MAX_RETRIES,
        MLFLOW_HTTP_REQUEST_TIMEOUT,
    )

    limits = {MLFLOW_HTTP_REQUEST_MAX_RETRIES: 1, MLFLOW_HTTP_REQUEST_TIMEOUT: 10}
    ours = [variable for variable in limits if not variable.is_set()]
    for variable in ours:
        variable.set(limits[variable])
    try:
        yield
    finally:
        for variable in ours:
            variable.unset()


def _probe(uri: str) -> None:
    """One attempt at what MLflow would attempt ten times, for 100 seconds, before it gives up."""
    import sqlalchemy

    if uri.startswith(_SQLITE):
        Path(uri.removeprefix(_SQLITE)).parent.mkdir(parents=True, exist_ok=True)
    engine = sqlalchemy.create_engine(uri)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA busy_timeout = 20000")
                # Readable is not enough; SQLite tells at the first write only.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                connection.exec_driver_sql("CREATE TABLE probe (x)")
                connection.exec_driver_sql("ROLLBACK")
            sqlalchemy.inspect(connection).get_table_names()
    finally:
        engine.dispose()
