"""Deploying again: what people have switched stays. Prefect is left out."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectAlreadyExists

from flows import deploying
from rsft.errors import ConfigurationError

NIGHTLY, EARLY = CronSchedule(cron="0 3 * * *"), CronSchedule(cron="0 2 * * *")


class Server:
    """A client of a server with one deployment, whose schedule each deploying makes anew."""

    def __init__(self, schedule: CronSchedule, *, is_on: bool) -> None:
        self.schedule, self.is_on = schedule, is_on
        self.number = 0
        self.pools: list[str] = []
        self.switched: list[tuple[str, int, bool]] = []

    def create_work_pool(self, pool: Any) -> None:
        if self.pools:
            raise ObjectAlreadyExists(None)
        self.pools.append(pool.name)

    def read_deployments(self, limit: int) -> list[Any]:
        one = SimpleNamespace(schedule=self.schedule, id=self.number, active=self.is_on)
        return [SimpleNamespace(name="retrain", id="d", schedules=[one])]

    def update_deployment_schedule(self, deployment: str, schedule: int, *, active: bool) -> None:
        self.switched.append((deployment, schedule, active))


def deploy(
    monkeypatch: pytest.MonkeyPatch, server: Server, schedule: CronSchedule, *, is_on: bool
) -> None:
    """Deploys a file that says so."""

    def prefect(*_: str) -> int:
        server.schedule, server.is_on, server.number = schedule, is_on, server.number + 1
        return 0

    monkeypatch.setattr(deploying, "get_client", lambda **_: nullcontext(server))
    monkeypatch.setattr(deploying, "prefect", prefect)
    deploying.deploy()


@pytest.mark.parametrize("was_on", [True, False])
def test_a_schedule_stays_as_people_have_switched_it(
    monkeypatch: pytest.MonkeyPatch, was_on: bool
) -> None:
    server = Server(NIGHTLY, is_on=was_on)
    deploy(monkeypatch, server, NIGHTLY, is_on=not was_on)
    assert server.switched == [("d", 1, was_on)]


def test_one_that_is_as_it_was_or_new_is_left_as_the_file_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server(NIGHTLY, is_on=True)
    deploy(monkeypatch, server, NIGHTLY, is_on=True)
    deploy(monkeypatch, server, EARLY, is_on=False)
    assert server.switched == []
    assert server.pools == ["rsft"]


def test_a_file_that_prefect_does_not_take_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploying, "get_client", lambda **_: nullcontext(Server(EARLY, is_on=True)))
    monkeypatch.setattr(deploying, "prefect", lambda *_: 1)
    with pytest.raises(ConfigurationError, match=r"prefect\.yaml cannot be deployed"):
        deploying.deploy()
