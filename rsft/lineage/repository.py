"""DVC's repository of a checkout, opened without a word."""

import json
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from rsft.addresses import one_line
from rsft.errors import WorkspaceError
from rsft.lineage.remote_settings import require_no_secrets
from rsft.lineage.workspace import Workspace


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
