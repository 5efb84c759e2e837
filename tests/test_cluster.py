"""A cluster that cannot be had is one line, at once: Ray itself would try for minutes."""

import os
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import rsft
from rsft import cluster
from rsft.cluster import Workers
from rsft.config import RaySection
from rsft.errors import ConfigurationError, EngineError
from tests.stages.cases import needs_ray

pytestmark = needs_ray


@pytest.fixture(autouse=True)
def as_for_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray reads it once a process, and ``nodes`` may come later."""
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")


def submit(address: str | None, *, workers: int = 1) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'rsft[ray]'")
    section = RaySection(workers=workers, address=address)
    with Workers(section, cpus=1, gpus=0, build=lambda job: print, job=lambda: None) as started:
        started.submit(0, "work")


def test_nobody_answers_at_an_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(EngineError, match=rf"no cluster at 127.0.0.1:{port} \(.*refused\); see"):
        submit(f"127.0.0.1:{port}")
    with pytest.raises(EngineError, match=r"no cluster at 127\.0\.0\.1:99999"):
        submit("127.0.0.1:99999")


def test_the_environment_names_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "ray://head")
    with pytest.raises(ConfigurationError, match="RAY_ADDRESS = 'ray://head': must be host and"):
        submit(None)


def test_this_machine_has_not_so_many_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    cpus = os.cpu_count()
    with pytest.raises(
        ConfigurationError, match=rf"want 9999 CPUs .*, and this machine has {cpus};"
    ):
        submit(None, workers=9999)


def test_a_second_cluster_is_sent_the_package_too() -> None:
    """Ray replaces its path by that of the copy which the first one holds."""
    sent = []

    def init(address: str, *, runtime_env: dict[str, Any], **options: Any) -> None:
        sent.append(runtime_env.pop("py_modules"))

    for _ in range(2):
        cluster._start_here(SimpleNamespace(init=init), 1)
    assert sent == [[str(Path(rsft.__file__).parent)]] * 2
