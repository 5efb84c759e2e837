"""A clock that is set forth and back while something runs."""

from datetime import datetime, timedelta, tzinfo

import pytest


class SetClock(datetime):
    """Stands for ``datetime`` where a module asks it for the time."""

    ahead = timedelta()
    """What it is set forth by; negative: back."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) + cls.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[SetClock]:
    """The clock, as the modules that ask for the time see it."""
    monkeypatch.setattr(SetClock, "ahead", timedelta())
    for module in ("lineage.tagging", "runs.manifest", "interop.events"):
        monkeypatch.setattr(f"rsft.{module}.datetime", SetClock)
    return SetClock
