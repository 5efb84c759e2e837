"""Versions of what the user brings: DVC's pointers beside the files, and the files in its cache."""

from pathlib import Path

from rsft.addresses import one_line
from rsft.errors import LineageError, WorkspaceError
from rsft.lineage.cache import Cache, is_object
from rsft.lineage.git import run_git
from rsft.lineage.repository import open_repository
from rsft.lineage.workspace import Workspace
from rsft.lineage.yaml12 import load_yaml


def pointer_of(file: Path) -> Path:
    """Where DVC's pointer to a file lies."""
    return file.with_name(f"{file.name}.dvc")


def pointed_at(file: Path) -> str | None:
    """MD5 of the version that a file's pointer tells of; null where there is none.

    Raises:
        LineageError: Where the pointer cannot be read.
    """
    pointer = pointer_of(file)
    try:
        found = load_yaml(pointer.read_bytes())["outs"][0]["md5"]
    except FileNotFoundError:
        return None
    except Exception as error:  # noqa: BLE001  # whatever stands there instead
        raise LineageError(
            f"{pointer}: no pointer of DVC's ({error}); restore it with git"
        ) from None
    if not is_object(found):
        raise LineageError(f"{pointer}: {found!r} is no file's MD5; restore it with git")
    return str(found)


def version_input(workspace: Workspace, file: Path) -> None:
    """Puts a file into the cache and its hash into its pointer, as ``dvc add`` would.

    One that git has the versions of is left to git.

    Args:
        workspace: The checkout, which must be the current folder.
        file: A file below ``data/raw``.

    Raises:
        LineageError: Where DVC cannot add it.
        WorkspaceError: Where another DVC command is at work.
    """
    from dvc.exceptions import DvcException
    from dvc.lock import LockError

    if run_git(workspace.root, "ls-files", "--", str(file)):
        return
    try:
        with open_repository(workspace) as repo:
            repo.add(str(file))
    except LockError:
        raise WorkspaceError(
            f"another DVC command is at work in {workspace.root}; let it end, then `dvc add {file}`"
        ) from None
    except DvcException as error:
        raise LineageError(
            f"{file} is as it should be, but DVC cannot make a version of it "
            f"({one_line(error)}); see to that, then `dvc add {file}`"
        ) from None


def fetch_pointed(workspace: Workspace, file: Path) -> Path:
    """The version that a file's pointer tells of, as it lies in the cache; else it is fetched.

    Args:
        workspace: The checkout, which must be the current folder.
        file: A file below ``data/raw`` that has a pointer.

    Raises:
        LineageError: Where the remote does not have it, or cannot be reached.
        WorkspaceError: Where another DVC command is at work.
    """
    from dvc.exceptions import DvcException
    from dvc.lock import LockError

    md5 = pointed_at(file)
    assert md5 is not None, "the caller has looked"
    found = Cache(workspace).object(md5)
    if found.exists():
        return found
    told = "the remote does not have it"
    try:
        with open_repository(workspace) as repo:
            repo.fetch(targets=[str(pointer_of(file))])  # in silence where an object is missing
    except LockError:
        raise WorkspaceError(
            f"another DVC command is at work in {workspace.root}; the next time it is fetched"
        ) from None
    except DvcException as error:
        told = one_line(error)
    if not found.exists():
        raise LineageError(
            f"{pointer_of(file)}: version {md5} cannot be fetched ({told}); who made it has to "
            "`dvc push` it"
        )
    return found
