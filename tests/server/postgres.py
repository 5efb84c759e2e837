"""PostgreSQL on loopback, from the machine's own packages: a cluster in a temporary folder."""

import io
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from tests.server.planted import MARK

USER, PASSWORD = "rsft", f"{MARK}-postgres"
_WAYS = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """A cluster."""

    programs: Path
    """Folder of ``pg_ctl`` and the others."""
    folder: Path
    """Its data."""
    port: int
    """Its port on loopback."""

    def start(self) -> None:
        """Starts it, and returns when it answers."""
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' "
            "-c fsync=off -c max_connections=200"
        )
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", str(self.folder), "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        """Stops it as its administrator would: open connections are cut."""
        self.run("pg_ctl", "-D", str(self.folder), "-w", "-m", "fast", "stop")

    def make(self, database: str) -> str:
        """Makes a database, and gives its address without the driver."""
        at = f"{USER}:{PASSWORD}@127.0.0.1:{self.port}"
        connection = psycopg2.connect(f"postgresql://{at}/postgres")
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {database}")
        connection.close()
        return f"{at}/{database}"

    def dump(self, database: str) -> str:
        """All that the tables of a database hold."""
        at = f"{USER}:{PASSWORD}@127.0.0.1:{self.port}"
        connection = psycopg2.connect(f"postgresql://{at}/{database}")
        cursor, found = connection.cursor(), io.StringIO()
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.copy_expert(f'COPY "{table}" TO STDOUT', found)
        connection.close()
        return found.getvalue()

    def run(self, program: str, *arguments: str) -> None:
        """Runs one of its programs; as the user `postgres` where that is root, whom it refuses."""
        as_user = ["runuser", "-u", _user(), "--"] if os.getuid() == 0 else []
        done = subprocess.run(
            [*as_user, str(self.programs / program), *arguments],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == 0, (program, (self.folder / "log").read_text())


def find_programs() -> Path | None:
    """Where PostgreSQL's programs are; None where it is not installed."""
    found = shutil.which("pg_ctl")
    places = [Path(found).parent] if found else []
    for way in _WAYS:
        places += sorted(Path("/").glob(way.lstrip("/")), reverse=True)
    return next((place for place in places if (place / "initdb").exists()), None)


@contextmanager
def running(programs: Path, port: int) -> Iterator[Postgres]:
    """A cluster of its own, started; stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="rsft-postgres-"))
    try:
        password = folder / "password"
        password.write_text(PASSWORD)
        if os.getuid() == 0:
            for place in (folder, password):
                shutil.chown(place, _user())
        postgres = Postgres(programs=programs, folder=folder / "data", port=port)
        postgres.run(
            "initdb", "-D", str(postgres.folder), "-U", USER, "--no-sync",
            "--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8", "--locale=C",
        )  # fmt: skip
        postgres.start()
        try:
            yield postgres
        finally:
            postgres.stop()
    finally:
        shutil.rmtree(folder)


def _user() -> str:
    """An unprivileged user to run as: that of Debian's package, else nobody."""
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"
