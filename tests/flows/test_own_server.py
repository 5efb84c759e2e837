"""The server that Prefect starts for a run alone, where it does not start."""

import atexit
import subprocess
import sys

import pytest
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
    temporary_settings,
)

from flows.run import require_server
from rsft.errors import WorkspaceError


def test_one_that_does_not_start_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(self: SubprocessASGIServer) -> subprocess.Popen[bytes]:
        died = subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"])
        died.wait()
        return died

    monkeypatch.setattr(SubprocessASGIServer, "_instances", {})
    monkeypatch.setattr(atexit, "register", lambda stop: None)  # it logs, when nobody listens
    monkeypatch.setattr(SubprocessASGIServer, "_run_uvicorn_command", die)
    with (
        temporary_settings(
            {PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS: 1},
            restore_defaults={PREFECT_API_URL},
        ),
        pytest.raises(
            WorkspaceError, match=r"does not start; look whether the disk of .* has room"
        ),
    ):
        require_server()
