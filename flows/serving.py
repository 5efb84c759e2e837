"""Prefect's server of the local stack, whose transactions on SQLite take their turn.

Prefect begins most of them DEFERRED. One that reads before it writes is refused at once where
another has written in between, since no waiting makes what it has read true again. Its event is
tried four times in as many moments, then put aside: nobody hears of the end of a run, which is then
called stuck. Begun IMMEDIATE, as Prefect does where it has met this, they wait for each other.

``rsft up`` starts it as ``python -m flows.serving server start …``.
"""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.server.database.dependencies import set_database_config
from prefect.server.utilities.database import get_dialect
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction

from flows.deploying import prefect


class _InTurn(AioSqliteConfiguration):
    """SQLite, with the right to write taken when a transaction begins."""

    @asynccontextmanager
    async def begin_transaction(
        self, session: AsyncSession, with_for_update: bool = False
    ) -> AsyncGenerator[AsyncSessionTransaction, None]:
        async with super().begin_transaction(session, with_for_update=True) as transaction:
            yield transaction


def take_turns() -> None:
    """Has Prefect's server in this process use SQLite so; on PostgreSQL nothing is to be done."""
    address = PREFECT_API_DATABASE_CONNECTION_URL.value()
    if get_dialect(address).name == "sqlite":
        set_database_config(_InTurn(connection_url=address))


if __name__ == "__main__":
    take_turns()
    sys.exit(prefect(*sys.argv[1:]))
