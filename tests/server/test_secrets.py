"""A whole run on the servers of mlflow/README.md, and where its secrets are: nowhere.

Each password, key and token, in a variable or in an address, holds one text. It is searched for in
the checkout (data, caches, logs, Data Docs), git's objects, both databases, both buckets, the
servers' logs, and all that a person saw.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.conftest import free_ports
from tests.server.conftest import NEEDED, Servers
from tests.server.mlflow_server import ADMIN
from tests.server.planted import MARK
from tests.server.prefect_server import prefect_server
from tests.workspaces import git, make_workspace, places_of, rsft

pytestmark = list(NEEDED)

REMOTE = """
['remote "s3"']
    url = s3://store/dvc
    read_timeout = 30
"""


@pytest.fixture
def environment(servers: Servers, tmp_path: Path) -> Iterator[dict[str, str]]:
    """What a machine that trains sets, Prefect's server on PostgreSQL being at work."""
    (port,) = free_ports(1)
    user = f"rsft:{MARK}-prefect"
    with prefect_server(
        servers.postgres, tmp_path, servers.logs, port, PREFECT_SERVER_API_AUTH_STRING=user
    ) as server:
        yield {
            "PREFECT_API_URL": f"{server.address}/api",
            "PREFECT_API_AUTH_STRING": user,
            "MLFLOW_TRACKING_URI": servers.accounts.address.replace("//", f"//admin:{ADMIN}@"),
            "RSFT_ALERTS_URL": f"http://127.0.0.1:9/{MARK}-webhook",
            **servers.bucket.environment,
        }


def test_a_whole_run_on_servers_leaves_no_secret_anywhere(
    servers: Servers, environment: dict[str, str], tmp_path: Path
) -> None:
    folder = make_workspace(tmp_path / "checkout", "controls.names=[]", "register.name=whole")
    config = folder / ".dvc" / "config"
    config.write_text(config.read_text().replace("remote = local", "remote = s3") + REMOTE)
    git(folder, "commit", "--quiet", "--all", "--message=Remote on S3")
    said: list[str] = []

    def call(*arguments: str, code: int = 0, **more: str) -> str:
        done = rsft(folder, *arguments, **environment | more)
        assert done.returncode == code, done.stdout + done.stderr
        said.append(done.stdout + done.stderr)
        return done.stdout + done.stderr

    call("alerts", "channel", "webhook/ops")
    call("run", "--set", "alerts.channel=webhook/ops")
    call("alerts", "apply")
    status = json.loads(call("status", "--json"))
    assert status["prefect"]["flows"]["retrain"]["last"]["state"] == "Completed"
    assert status["unpushed"] == []
    assert "everything here is named by something" in call("gc", "--remote", "--dry")
    refused = f"rsft:{MARK}-mistyped"
    assert "Prefect's server refuses this user; set PREFECT_API_AUTH_STRING" in call(
        "run", code=2, PREFECT_API_AUTH_STRING=refused
    )
    away = f"http://admin:{ADMIN}@127.0.0.1:9"
    assert "http://***@127.0.0.1:9 cannot be used" in call("run", code=2, MLFLOW_TRACKING_URI=away)
    token = f"http://127.0.0.1:9/dvc?token={MARK}-remote"
    (folder / ".dvc/config.local").write_text(
        f"[core]\n    remote = away\n['remote \"away\"']\n    url = {token}\n"
    )
    assert "DVC's remote 'away' cannot be used" in call("gc", "--dry", code=2)
    (folder / ".dvc/config.local").unlink()
    assert [text for text in said if MARK in text] == []
    assert places_of(MARK, folder) == []
    assert places_of(MARK, servers.logs) == []
    for database in ("prefect", "mlflow"):
        dump = servers.postgres.dump(database)
        assert "20" in dump
        assert MARK not in dump, database
    for bucket in ("mlflow", "store"):
        stored = servers.bucket.contents(bucket)
        assert stored
        assert [key for key, content in stored.items() if MARK.encode() in content] == []
