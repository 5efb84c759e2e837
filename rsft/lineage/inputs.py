"""Versions of what the user brings: DVC's pointers beside the files, and the files in its cache."""

from pathlib import Path

from rsft.errors import LineageError, WorkspaceError
from rsft.lineage.repository import open_repository
from rsft.lineage.workspace import Workspace


def version_input(workspace: Workspace, file: Path) -> Path:
    """Puts a file into the cache and its hash into ``FILE.dvc``, as ``dvc add`` would.

    Args:
        workspace: The checkout, which must be the current folder.
        file: A file below ``data/raw``.

    Returns:
        The pointer, which is for git.

    Raises:
        LineageError: Where DVC cannot add it.
        WorkspaceError: Where another DVC command is at work.
    """
    from dvc.exceptions import DvcException
    from dvc.lock import LockError

    try:
        open_repository(workspace).add(str(file))
    except LockError:
        raise WorkspaceError(
            f"another DVC command is at work in {workspace.root}; let it end, then `dvc add {file}`"
        ) from None
    except DvcException as error:
        raise LineageError(f"{file}: {' '.join(str(error).split())}; `dvc add` it") from None
    return file.with_name(f"{file.name}.dvc")
