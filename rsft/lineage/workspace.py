"""A workspace: a git checkout with ``dvc.yaml``, one run at a time.

A linked worktree is a workspace of its own, whose DVC cache, registry and Prefect state are those
of the main checkout (``home``).
"""

import getpass
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

import rsft
from rsft.errors import WorkspaceError
from rsft.lineage.git import run_git
from rsft.lineage.room import told_where_full

LOCK = "dvc.lock"
"""Hashes of all outputs. The branch does not carry it, so it is no edit."""
_MOMENT = 2.0
"""Seconds that others take at most to see whether all checkouts are held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A checkout that runs work in."""

    root: Path
    """Its top folder."""
    home: Path
    """The main checkout, where ``root`` is a linked worktree of one; else the same."""

    @classmethod
    def open(cls, folder: Path = Path()) -> "Workspace":
        """The workspace that a folder lies in.

        Raises:
            WorkspaceError: Where git is missing, the folder is in no checkout, it has no
                ``dvc.yaml``, or the code at work is another checkout's.
        """
        try:
            root = Path(run_git(folder, "rev-parse", "--show-toplevel"))
        except WorkspaceError as error:
            if "not a git repository" not in str(error):
                raise
            raise WorkspaceError(
                f"{folder.resolve()} is not in a git checkout; runs are pinned by git tags: "
                "clone the project with git, or `git init` and commit"
            ) from None
        if not (root / "dvc.yaml").exists():
            raise WorkspaceError(f"{root} has no dvc.yaml; run this in a checkout of the project")
        _require_own_code(root)
        common = run_git(root, "rev-parse", "--path-format=absolute", "--git-common-dir")
        home = Path(common).parent
        return cls(root=root, home=home if (home / "dvc.yaml").exists() else root)

    @property
    def private(self) -> Path:
        """Folder of what belongs to this workspace alone."""
        return self.root / ".rsft"

    @property
    def recorded(self) -> Path:
        """File with the hashes of what its run made, until ``dvc.lock`` has them."""
        return self.private / "recorded"

    def enter(self) -> None:
        """Makes it the current folder, as DVC and the stages need, with the cache and remote."""
        os.chdir(self.root)
        if self.root != self.home:
            from dvc.config import Config, merge

            theirs = Config(str(self.home / ".dvc"))
            # Through DVC, which keeps what else stands there and quotes what needs it.
            own = self.root / ".dvc" / "config.local"
            own.touch(mode=0o600)  # a remote's keys may stand in it
            with Config(str(self.root / ".dvc")).edit("local") as settings:
                settings["cache"]["dir"] = str(self.home / ".dvc" / "cache")
                for level in ("repo", "local"):
                    told = theirs.read(level)
                    merge(settings, {name: told[name] for name in ("core", "remote")})

    @contextmanager
    def hold(self, run_id: str, *, on_wait: Callable[[str], None] | None = None) -> Iterator[None]:
        """Holds the workspace for a run; the lock falls with the process, however it ends.

        Args:
            run_id: The run.
            on_wait: Told who holds it, where another run does, before waiting for that one to end;
                null: an error then.

        Raises:
            WorkspaceError: Where another run holds it, or all checkouts: which, whose, and since
                when.
        """
        with self.hold_alone(run_id, on_wait=on_wait):
            self.lock_all(on_wait=on_wait).release()
            yield

    def lock_all(self, *, on_wait: Callable[[str], None] | None = None) -> FileLock:
        """Has the lock of whoever holds all checkouts, who cannot find one that is made since.

        So it is asked for by whoever holds one, too, and let go of at once. As ``hold``.
        """
        home = Workspace(root=self.home, home=self.home)
        return home._acquire(FileLock(home.private / "checkouts.lock"), on_wait, _MOMENT)

    @contextmanager
    def hold_alone(
        self, run_id: str, *, on_wait: Callable[[str], None] | None = None
    ) -> Iterator[None]:
        """Does so for whoever holds all checkouts; arguments and errors as there."""
        lock = self._acquire(FileLock(self.private / "lock"), on_wait)
        try:
            self._sign(run_id)
            yield
        finally:
            lock.release()

    def require_free(self) -> None:
        """Says that a run holds the workspace before anything is begun that would be in vain.

        Raises:
            WorkspaceError: Where one does, as ``hold`` tells it.
        """
        holder = self.held_by()
        if holder is not None:
            raise self._taken(holder)

    def held_by(self) -> str | None:
        """The run that holds the workspace, or None where none does."""
        try:
            holder = json.loads((self.private / "holder.json").read_text(encoding="utf-8"))
            os.kill(holder["process"], 0)  # asked first: the lock itself is not tried for nothing
        except (OSError, ValueError):
            return None
        try:
            with FileLock(self.private / "lock", timeout=0):
                return None
        except Timeout:
            return self._holder()

    def _acquire(
        self, lock: FileLock, on_wait: Callable[[str], None] | None, patience: float = 0.0
    ) -> FileLock:
        """Waits for a lock, where it may, with the holder of this workspace told."""
        self.private.mkdir(exist_ok=True)
        try:
            lock.acquire(timeout=patience)
        except Timeout:
            if on_wait is None:
                raise self._taken(self._holder()) from None
            on_wait(self._holder())
            lock.acquire()
        return lock

    def _taken(self, holder: str) -> WorkspaceError:
        return WorkspaceError(
            f"{self.root} is held by {holder}; wait till it has ended (`rsft run --wait` and `rsft "
            "prompts add --wait` do), or work in a worktree of your own"
        )

    def _sign(self, run_id: str) -> None:
        holder = {
            "run_id": run_id,
            "process": os.getpid(),
            "user": f"{_user()}@{socket.gethostname()}",
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        file = self.private / "holder.json"
        with told_where_full(f"run {run_id}", file):
            file.write_text(json.dumps(holder), encoding="utf-8")

    def _holder(self) -> str:
        try:
            holder = json.loads((self.private / "holder.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return "a run that has just begun"
        return "run {run_id} (process {process} of {user}) since {since}".format(**holder)


def _user() -> str:
    """Who is at work; by number where the machine has no name for it, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _require_own_code(root: Path) -> None:
    """The code that runs must be the code that is recorded: this checkout's."""
    code = Path(rsft.__file__).resolve().parent
    if code.parent != root.resolve():
        raise WorkspaceError(
            f"the code at work is {code}, not that of {root}; run `python -m rsft` in {root}, or "
            "use the environment that was made there"
        )
