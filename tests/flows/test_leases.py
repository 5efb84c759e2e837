"""Places that runs hold while the clock is set forth."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from prefect.server.concurrency.lease_storage import filesystem

from flows import leases
from tests.clocks import SetClock
from tests.clocks import clock as clock

LASTS = timedelta(seconds=300)
Expired = Callable[[float], list[UUID]]


@pytest.fixture
def lease(clock: type[SetClock], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UUID:
    """One that was held when the clock was set forth a day."""
    monkeypatch.setattr(filesystem, "datetime", SetClock)
    monkeypatch.setattr(leases, "_seen", {})
    held = asyncio.run(leases.ConcurrencyLeaseStorage(tmp_path).create_lease([], LASTS))
    clock.ahead = timedelta(days=1)
    assert asyncio.run(filesystem.ConcurrencyLeaseStorage(tmp_path).read_expired_lease_ids()) == [
        held.id
    ]
    return held.id


@pytest.fixture
def expired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Expired:
    """What is over after so many seconds, asked as Prefect does: of a new storage each time."""

    def ask(seconds: float) -> list[UUID]:
        monkeypatch.setattr(leases, "monotonic", lambda: 1000 + seconds)
        return asyncio.run(leases.ConcurrencyLeaseStorage(tmp_path).read_expired_lease_ids())

    return ask


def test_a_run_that_says_in_time_that_it_is_at_work_keeps_its_place(
    lease: UUID, expired: Expired, clock: type[SetClock], tmp_path: Path
) -> None:
    assert expired(0) == []
    assert expired(225) == []
    storage = leases.ConcurrencyLeaseStorage(tmp_path)
    assert asyncio.run(storage.renew_lease(lease, LASTS))
    assert expired(240) == []
    clock.ahead = timedelta(days=2)  # once more: it has as long again
    assert expired(310) == []
    assert expired(609) == []
    assert expired(610) == [lease]


def test_the_place_of_one_that_does_not_is_free(lease: UUID, expired: Expired) -> None:
    assert expired(0) == []
    assert expired(299) == []
    assert expired(300) == [lease]
