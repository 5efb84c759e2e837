"""How outages are brought about while ``rsft run`` is at work, and ended."""

import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.clocks import Clock
from benchmarks.servers import Servers
from benchmarks.tiny_runs import Run, start, states_in

AWAY_SECONDS = 30.0
HANG_SECONDS = 20.0
"""How long S3 takes to answer; a client waits for 5."""
FOR_EVER = 10**9


@dataclass(kw_only=True)
class Place:
    """A checkout that has not run yet, and the servers that it uses."""

    folder: Path
    """The checkout."""
    at: Servers | None
    """What its runs use; null: what a fresh checkout has."""
    until_the_end: ExitStack = field(default_factory=ExitStack)
    """What stays while it is looked at."""

    @property
    def servers(self) -> Servers:
        """What its runs use."""
        assert self.at is not None
        return self.at

    @property
    def environment(self) -> Mapping[str, str]:
        """What brings its runs there."""
        return {} if self.at is None else self.at.environment

    def start(self, **more: str) -> Run:
        """A run."""
        return start(self.folder, {**self.environment, **more})

    def states(self) -> Counter[str]:
        """How many runs are in each state, as Prefect has it."""
        return states_in(self.folder) if self.at is None else self.at.states()


Strike = Callable[[Place], Run]


def postgres_restarted_after(place: Place, said: str) -> Run:
    """The database is away for three seconds once a run has said something."""
    run = place.start()
    assert run.wait_for(said), run.said
    place.servers.restart_postgres(3)
    return run


def mlflow_away_at_the_start(place: Place) -> Run:
    """MLflow's server is there again when the run has ended."""
    with mlflow_away(place.servers):
        run = place.start()
        run.end()
    return run


def mlflow_away_from(place: Place, said: str) -> Run:
    """MLflow's server goes once a run has said something, and comes back by itself."""
    run = place.start()
    assert run.wait_for(said), run.said
    with mlflow_away(place.servers):
        pass
    return run


def mlflow_killed_at_an_upload(place: Place, *, of_postgres: bool = False) -> Run:
    """MLflow's server, or its database, goes once the first artifact of a version has come."""
    before = _stored(place, "mlflow", "")
    run = place.start()
    while _stored(place, "mlflow", "") == before:
        assert run.process.poll() is None, run.said
        time.sleep(0.05)
    if of_postgres:
        place.servers.restart_postgres(3)
    else:
        with mlflow_away(place.servers):
            pass
    return run


@contextmanager
def mlflow_away(servers: Servers) -> Iterator[None]:
    """MLflow's server, killed; started half a minute later."""
    servers.take_mlflow()
    began = time.monotonic()
    try:
        yield
    finally:
        time.sleep(max(0.0, AWAY_SECONDS - time.monotonic() + began))
        servers.give_mlflow()


def s3_errors_after(place: Place, said: str, count: int) -> Run:
    """So many requests are answered by 500 once a run has said something."""
    run = place.start()
    assert run.wait_for(said), run.said
    place.servers.bucket.failures = count
    return run


def s3_errors_throughout(place: Place) -> Run:
    """Each request is answered by 500 until the run has ended."""
    place.servers.bucket.failures = FOR_EVER
    run = place.start()
    run.end()
    place.servers.bucket.failures = 0
    return run


def s3_hangs_after(place: Place, said: str) -> Run:
    """No request is answered once a run has said something, until it tells of it."""
    run = place.start()
    assert run.wait_for(said), run.said
    _hanging(place, run)
    assert not _stored(place, "dvc", f"{place.folder.name}/"), "the push had begun"
    return run


def s3_hangs_in_a_push(place: Place) -> Run:
    """No request is answered once the first objects are in the remote."""
    run = place.start()
    while not _stored(place, "dvc", f"{place.folder.name}/"):
        assert run.process.poll() is None, run.said
        time.sleep(0.02)
    return _hanging(place, run)


def _stored(place: Place, bucket: str, prefix: str) -> int:
    """How many objects there are."""
    pages = place.servers.bucket.client().get_paginator("list_objects_v2")
    return sum(page["KeyCount"] for page in pages.paginate(Bucket=bucket, Prefix=prefix))


def _hanging(place: Place, run: Run) -> Run:
    place.servers.bucket.seconds = HANG_SECONDS
    run.wait_for("not pushed")
    place.servers.bucket.seconds = 0
    return run


def disk_full(place: Place, below: str, kilobytes: int) -> Run:
    """A folder lies on a disk with so much room, until the run has ended."""
    folder = place.folder / below
    used = _used(folder)
    with ExitStack() as stack:
        _mount(folder, f"size={used + kilobytes}k", stack)
        run = place.start()
        run.end()
        _remount(folder)
        place.until_the_end.enter_context(stack.pop_all())
    return run


def _used(folder: Path) -> int:
    """Kilobytes that the files of a folder take on a disk of pages."""
    files = folder.rglob("*") if folder.exists() else ()
    return sum(-(-file.lstat().st_size // 4096) * 4 for file in files if file.is_file())


def _mount(folder: Path, options: str, stack: ExitStack) -> None:
    aside = folder.with_name(f"{folder.name}.aside")
    if folder.exists():
        folder.rename(aside)
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    stack.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=True)
    if aside.exists():
        shutil.copytree(aside, folder, symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(aside)


def _remount(folder: Path) -> None:
    """Makes room."""
    subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)


def clock_set(place: Place, *said_and_seconds: str | int) -> Run:
    """The clock of a run and its children is set to so many seconds ahead once it has said so."""
    clock = Clock(place.folder.with_suffix(".clock"))
    run = place.start(**clock.environment)
    for said, seconds in zip(said_and_seconds[::2], said_and_seconds[1::2], strict=True):
        assert run.wait_for(str(said)), run.said
        clock.set(int(seconds))
    return run
