"""DVC's repository of a checkout, opened without a word."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from rsft.addresses import one_line
from rsft.errors import WorkspaceError
from rsft.lineage.remote_settings import require_no_secrets
from rsft.lineage.workspace import Workspace
from rsft.lineage.worktrees import list_worktrees


def open_repository(workspace: Workspace) -> Any:
    """DVC's ``Repo``, which prints neither messages nor bars.

    Raises:
        WorkspaceError: Where there is none, its settings cannot be read, or hold a secret.
    """
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    from dvc.config import ConfigError
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    # After the import, which sets it; DVC's bars go by these levels too.
    for name in ("dvc", "dvc_data", "dvc_objects"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        require_no_secrets(workspace.root)
        return Repo(str(workspace.root))
    except NotDvcRepoError:
        raise WorkspaceError(f"{workspace.root} has no .dvc folder; `dvc init` makes it") from None
    except ConfigError as error:
        told = one_line(error)
        raise WorkspaceError(f"{workspace.root / '.dvc' / 'config'}: {told}") from None


@contextmanager
def without_dvc(workspace: Workspace) -> Iterator[None]:
    """Keeps DVC's own commands from all checkouts that share the cache.

    They put into the cache what a pointer names only in the end.

    Raises:
        WorkspaceError: Where one is at work.
    """
    from dvc.lock import LockError

    with ExitStack() as held:
        for root in list_worktrees(workspace):
            if not (root / ".dvc").is_dir():
                continue
            repo = held.enter_context(open_repository(Workspace(root=root, home=workspace.home)))
            try:
                held.enter_context(repo.lock)
            except LockError:
                raise WorkspaceError(
                    f"a DVC command is at work in {root}; let it end, and try again"
                ) from None
        yield


def drop_torn_locks(repo: Any) -> None:
    """Removes DVC's list of who works on what, where a process was killed while it wrote that.

    DVC, which writes it in place, refuses every command then.
    """
    from dvc.lock import make_lock
    from dvc.rwlock import RWLOCK_FILE, RWLOCK_LOCK

    folder = Path(repo.tmp_dir)
    with make_lock(
        str(folder / RWLOCK_LOCK),
        tmp_dir=str(folder),
        hardlink_lock=repo.config["core"].get("hardlink_lock", False),
    ):
        try:
            with suppress(FileNotFoundError):
                json.loads((folder / RWLOCK_FILE).read_bytes())
        except ValueError:
            (folder / RWLOCK_FILE).unlink()
