"""Prefect's server of the local stack: who begins a transaction may write until its end."""

from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, temporary_settings

import flows.serving as module
from tests.workspaces import ROOT, run_script

TWO_AT_ONCE = """
import asyncio, sqlite3
from prefect.server.database import provide_database_interface
from sqlalchemy import text
from flows.serving import take_turns

async def main():
    db = provide_database_interface()
    async with db.session_context(begin_transaction=True) as session:
        await session.execute(text("SELECT count(*) FROM sqlite_master"))
        with sqlite3.connect({file!r}, timeout=0) as another:
            another.execute("CREATE TABLE written_in_between (x)")
        await session.execute(text("CREATE TABLE written (x)"))

take_turns()
try:
    asyncio.run(main())
except Exception as error:
    print(type(error).__module__, error.args)
"""


def test_nobody_writes_between_what_a_transaction_reads_and_what_it_writes(tmp_path: Path) -> None:
    """Else Prefect's own is refused, and the event that it was at lost."""
    file = str(tmp_path / "prefect.db")
    address = {"PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{file}"}
    script = TWO_AT_ONCE.format(file=file)
    told = run_script(ROOT, script, PREFECT_HOME=str(tmp_path), **address)
    assert told == "sqlite3 ('database is locked',)\n"  # the other one is, and may try again


@pytest.mark.parametrize(
    ("address", "is_ours"),
    [("sqlite+aiosqlite:///prefect.db", True), ("postgresql+asyncpg://u@h/prefect", False)],
)
def test_postgresql_is_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch, address: str, is_ours: bool
) -> None:
    told: list[object] = []
    monkeypatch.setattr(module, "set_database_config", told.append)
    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: address}):
        module.take_turns()
    assert len(told) == is_ours
