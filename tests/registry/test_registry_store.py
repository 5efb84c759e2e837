import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rsft.errors import RegistryError
from rsft.registry.store import Registry

ROOT = Path(__file__).parents[2]


def test_the_folder_does_not_shadow_the_package() -> None:
    assert (ROOT / "mlflow").is_dir()
    find = "import importlib.util; print(importlib.util.find_spec('mlflow').origin)"
    origin = subprocess.check_output([sys.executable, "-c", find], cwd=ROOT, text=True)
    assert "site-packages" in Path(origin.strip()).parts


def test_importing_the_registry_does_not_import_mlflow() -> None:
    check = "import rsft.registry, sys; print('mlflow' in sys.modules, 'torch' in sys.modules)"
    shown = subprocess.check_output([sys.executable, "-c", check], cwd=ROOT, text=True)
    assert shown.split() == ["False", "False"]


def test_the_local_store_lies_in_the_checkout(registry: Registry) -> None:
    database = Path(registry.tracking_uri.removeprefix("sqlite:///"))
    assert database.is_file()
    assert database.parent.name == "mlflow"
    experiment = registry.client.get_experiment(registry.experiment_id("where"))
    assert experiment.artifact_location == (database.parent / "artifacts").as_uri()
    assert registry.experiment_id("where") == experiment.experiment_id


def test_setting_then_environment_then_checkout(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.tracking_uri)
    assert Registry.open(tmp_path).tracking_uri == registry.tracking_uri
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert Registry.open(tmp_path, registry.tracking_uri).tracking_uri == registry.tracking_uri


def _closed_port(_: Path) -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://rsft:hunter2@127.0.0.1:{probe.getsockname()[1]}"


def _below_a_file(folder: Path) -> str:
    (folder / "file").touch()
    return f"sqlite:///{folder}/file/mlflow.db"


def _a_folder(folder: Path) -> str:
    return f"sqlite:///{folder}"


def _not_a_database(folder: Path) -> str:
    (folder / "notes.db").write_text("not a database, by any means" * 100)
    return f"sqlite:///{folder}/notes.db"


@pytest.mark.parametrize(
    ("address", "why"),
    [
        (_closed_port, "refused"),
        (_below_a_file, "File exists"),
        (_a_folder, "unable to open"),
        (_not_a_database, "not a database"),
        (lambda _: "postgresql://rsft:hunter2@127.0.0.1:9/runs", ""),
        (lambda _: "mlruns", "Could not parse"),
    ],
    ids=["closed port", "below a file", "a folder", "not a database", "no driver", "no address"],
)
def test_a_store_out_of_reach_is_one_line(address, why: str, tmp_path: Path) -> None:
    uri = address(tmp_path)
    with pytest.raises(RegistryError, match=r"register\.tracking_uri") as failure:
        Registry.open(tmp_path, uri)
    message = str(failure.value)
    assert why in message
    assert "\n" not in message
    assert uri.replace("rsft:hunter2", "***") in message
    assert "hunter2" not in message


def test_a_read_only_store_is_refused_at_connecting(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    database.touch(mode=0o444)
    if os.access(database, os.W_OK):
        pytest.skip("this user may write read-only files, as root may")
    with pytest.raises(RegistryError, match="readonly"):
        Registry.open(tmp_path, f"sqlite:///{database}")


def test_the_first_two_users_of_a_store_may_come_at_once(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    with ThreadPoolExecutor(2) as users:
        both = [users.submit(Registry, uri) for _ in range(2)]
    assert [user.result().tracking_uri for user in both] == [uri, uri]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("PERMISSION_DENIED", "refuses this user, 'rita': its administrator gives the role"),
        ("UNAUTHENTICATED", "refuses this user, 'rita': set MLFLOW_TRACKING_USERNAME and"),
    ],
)
def test_what_a_server_refuses_is_told_with_the_users_name(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, code: str, told: str
) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import ErrorCode

    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "rita")
    with pytest.raises(RegistryError, match=told), registry.errors():
        raise MlflowException("Permission denied", error_code=ErrorCode.Value(code))


def test_a_signed_address_is_not_told(registry: Registry) -> None:
    address = "http://s3/models/a?name=a&X-Amz-Credential=key&X-Amz-Signature=be"
    with pytest.raises(RegistryError) as told, registry.errors():
        raise OSError(f"403 Client Error: Forbidden for url: {address}")
    assert "url: http://s3/models/a?***)" in str(told.value)
    assert "X-Amz" not in str(told.value)


def test_an_error_without_a_text_is_told_by_its_name(registry: Registry) -> None:
    with pytest.raises(RegistryError, match=r"cannot be used \(TimeoutError\)"), registry.errors():
        raise TimeoutError
