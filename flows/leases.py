"""Who holds a deployment's only place, on disk, and not lost where the clock is set forth.

Prefect's server goes by the wall clock: where that jumps, as on a machine that wakes up, all places
seem held for too long. It gives them away, and a run that held one is ended when it next says that
it is at work. Here such a run has the time to say so.
"""

from time import monotonic
from uuid import UUID

from prefect.server.concurrency.lease_storage import filesystem

_PATIENCE = 300.0
"""Seconds by a clock that nobody sets; a run says that it is at work every 225."""

_seen: dict[UUID, float] = {}
"""When each lease that is over by the wall clock was first seen to be; Prefect makes a storage anew
for each question."""


class ConcurrencyLeaseStorage(filesystem.ConcurrencyLeaseStorage):
    """Prefect's, in files: one that its server has forgotten ends the run that holds it."""

    async def read_expired_lease_ids(self, limit: int = 100) -> list[UUID]:
        """Those that are over, and that nobody has renewed since this was seen."""
        expired, now = await super().read_expired_lease_ids(limit), monotonic()
        for renewed in _seen.keys() - {*expired}:
            del _seen[renewed]
        return [lease for lease in expired if now - _seen.setdefault(lease, now) >= _PATIENCE]
