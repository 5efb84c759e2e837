"""Progress on Prefect's page: rarely told, since each call to the server takes its time."""

import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from flows import progress as module
from flows.progress import PageProgress

LIMIT = re.compile(r"[a-z0-9-]+")
"""What Prefect takes as an artifact's key."""


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What is told to the server."""
    told: list[tuple[Any, ...]] = []

    def create(progress: float, key: str, description: str) -> UUID:
        told.append(("create", progress, key, description))
        return uuid4()

    def update(artifact_id: UUID, progress: float, description: str) -> None:
        told.append(("update", progress, description))

    monkeypatch.setattr(module, "create_progress_artifact", create)
    monkeypatch.setattr(module, "update_progress_artifact", update)
    return told


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_the_page_is_told_every_interval_and_the_display_always(
    page: list[tuple[Any, ...]], clock: Clock
) -> None:
    shown: list[tuple[int, int, str]] = []
    progress = PageProgress(
        "generate@1", lambda done, total, note="": shown.append((done, total, note)), interval=5
    )
    for second in range(12):
        clock.now = float(second)
        progress(100 * second, 2000, "90 candidates/s")
    assert len(shown) == 12
    assert page == [
        ("create", 25.0, "generate-1", "generate@1: 500 of 2,000, 90 candidates/s"),
        ("update", 50.0, "generate@1: 1,000 of 2,000, 90 candidates/s"),
    ]


def test_the_end_is_told_at_once(page: list[tuple[Any, ...]], clock: Clock) -> None:
    progress = PageProgress("base", lambda done, total, note="": None, interval=5)
    for clock.now, done in ((6.0, 1), (6.1, 9), (6.2, 10)):
        progress(done, 10)
    assert [told[1] for told in page] == [10.0, 100.0]


def test_a_server_that_fails_does_not_end_the_stage(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ConnectionError("gone")

    monkeypatch.setattr(module, "create_progress_artifact", broken)
    PageProgress("base", lambda done, total, note="": None, interval=0)(1, 2)
    assert "no progress on Prefect's page: gone" in caplog.text


def test_a_stage_that_is_soon_done_costs_no_call(page: list[tuple[Any, ...]], clock: Clock) -> None:
    progress = PageProgress("base", lambda done, total, note="": None, interval=5)
    clock.now = 4.9
    progress(1, 1)
    assert page == []


@pytest.mark.parametrize("name", ["control@random_all_rounds", "evaluate_base", "generate@10"])
def test_the_key_is_one_that_prefect_takes(
    name: str, page: list[tuple[Any, ...]], clock: Clock
) -> None:
    progress = PageProgress(name, lambda done, total, note="": None, interval=0)
    progress(0, 0)
    assert LIMIT.fullmatch(page[0][2])
