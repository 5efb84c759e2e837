"""MLflow's server on PostgreSQL and S3, with accounts: who may do what, and what an outage costs.

One model for all tests; they follow each other on it.
"""

from pathlib import Path
from types import SimpleNamespace

import pytest

from rsft.errors import RegistryError
from rsft.lineage import Workspace, in_service, read_record, read_runs
from rsft.registry import Registry, fetch, get_version, package
from rsft.runs.record import find_differences, promote, roll_back
from rsft.runs.registration import register_patiently, register_pending
from tests.registry.conftest import MLFLOW_WARNINGS
from tests.runs.recorded import add_run, make_recorded
from tests.server.conftest import NEEDED, Servers
from tests.server.mlflow_server import password_of
from tests.server.planted import MARK
from tests.workspaces import places_of

pytestmark = [
    *NEEDED,
    *(pytest.mark.filterwarnings(warning) for warning in MLFLOW_WARNINGS),
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
]


class Stack:
    """PostgreSQL, S3 and MLflow's server, and a workspace with the tag of a run."""

    def __init__(self, folder: Path, servers: Servers):
        self.postgres, self.bucket = servers.postgres, servers.bucket
        self.accounts = servers.accounts
        self.workspace: Workspace = make_recorded(folder, "one")

    def registry(self, user: str, monkeypatch: pytest.MonkeyPatch) -> Registry:
        """As a user sees it."""
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", user)
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password_of(user))
        return Registry.open(self.workspace.home, self.accounts.address)


@pytest.fixture(scope="module")
def stack(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    servers.accounts.make_model("rsft")
    servers.accounts.make_user("reader")
    return Stack(tmp_path_factory.mktemp("checkout"), servers)


@pytest.fixture(autouse=True)
def _little_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version brings one file of code instead of hundreds, since each is a request."""
    code = tmp_path / "rsft" / "__init__.py"
    code.parent.mkdir()
    code.touch()
    monkeypatch.setattr(package, "rsft", SimpleNamespace(__file__=str(code)))


def test_who_may_only_read_registers_nothing(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = stack.registry("reader", monkeypatch)
    with pytest.raises(RegistryError, match="refuses this user, 'reader'"):
        register_pending(stack.workspace, registry, "rsft")
    assert read_record(stack.workspace) == []


def test_who_trains_registers_and_does_not_promote(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = stack.registry("trainer", monkeypatch)
    (version,) = register_pending(stack.workspace, registry, "rsft").versions
    assert (version.version, version.aliases) == (1, ("challenger",))
    stored = stack.bucket.client().list_objects_v2(Bucket="mlflow")["Contents"]
    assert any(entry["Key"].endswith("artifacts/model/config.json") for entry in stored)
    assert sorted(file.name for file in fetch(registry, version).iterdir()) == [
        "config.json",
        "text",
    ]
    with pytest.raises(RegistryError, match="refuses this user, 'trainer': its administrator"):
        stack_promote(stack, registry)
    assert in_service(read_record(stack.workspace), "rsft") is None
    assert get_version(registry, "rsft", 1).aliases == ("challenger",)


def test_who_promotes_does(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = stack.registry("promoter", monkeypatch)
    stack_promote(stack, registry)
    assert get_version(registry, "rsft", 1).aliases == ("champion",)
    assert find_differences(stack.workspace, registry, "rsft") == []


def test_who_trains_does_not_roll_back(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = stack.registry("trainer", monkeypatch)
    before = read_record(stack.workspace)
    with pytest.raises(RegistryError, match="refuses this user, 'trainer'"):
        roll_back(stack.workspace, registry, "rsft", "bad")
    assert read_record(stack.workspace) == before


def test_a_wrong_password_is_one_line(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "trainer")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "mistyped-word")
    with pytest.raises(RegistryError) as told:
        Registry.open(stack.workspace.home, stack.accounts.address)
    assert "refuses this user, 'trainer': set MLFLOW_TRACKING_USERNAME" in str(told.value)
    assert "mistyped-word" not in str(told.value)


def test_a_restart_of_the_database_doubles_nothing(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is away for a moment when the second run is to be registered, and back afterwards."""
    registry = stack.registry("trainer", monkeypatch)
    add_run(stack.workspace, "20260102T000000-demo", "two")
    stack.postgres.stop()
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RegistryError, match=r"cannot be used \(") as told:
        register_pending(stack.workspace, registry, "rsft")
    assert "\n" not in str(told.value)
    assert len(read_runs(stack.workspace)) == 2
    stack.postgres.start()
    (version,) = register_patiently(stack.workspace, registry, "rsft").versions
    assert version.version == 2
    assert [e.version for e in read_record(stack.workspace) if e.kind == "registered"] == [1, 2]
    assert find_differences(stack.workspace, registry, "rsft") == []


def test_no_secret_is_in_the_checkout(stack: Stack) -> None:
    assert places_of(MARK, stack.workspace.home) == []


def stack_promote(stack: Stack, registry: Registry) -> None:
    (run, *_) = read_runs(stack.workspace)
    details = {"reason": "better", "against": None, "approved_by": None}
    promote(stack.workspace, registry, name="rsft", version=1, run=run, details=details)
