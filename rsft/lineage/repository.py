"""DVC's repository of a checkout, opened without a word."""

import logging
import os
from typing import Any

from rsft.addresses import one_line
from rsft.errors import WorkspaceError
from rsft.lineage.workspace import Workspace


def open_repository(workspace: Workspace) -> Any:
    """DVC's ``Repo``, which prints neither messages nor bars.

    Raises:
        WorkspaceError: Where there is none, or its settings cannot be read.
    """
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    from dvc.config import ConfigError
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    # After the import, which sets it; DVC's bars go by these levels too.
    for name in ("dvc", "dvc_data", "dvc_objects"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        return Repo(str(workspace.root))
    except NotDvcRepoError:
        raise WorkspaceError(f"{workspace.root} has no .dvc folder; `dvc init` makes it") from None
    except ConfigError as error:
        told = one_line(error)
        raise WorkspaceError(f"{workspace.root / '.dvc' / 'config'}: {told}") from None
