"""A run's files away from any checkout: what its commit holds, what its data sets held.

Nothing is registered with git or DVC: what is written here is a plain folder, which is gone when
it is deleted, and no cache but the data sets' own is asked.
"""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsft.errors import LineageError
from rsft.lineage.cache import Cache, Member
from rsft.lineage.git import run_git
from rsft.lineage.hashing import md5_of
from rsft.lineage.workspace import Workspace

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """A file or folder as DVC would record it."""

    hash: str
    """Its MD5; a folder's ends in ``.dir``."""
    members: Sequence[Member]
    """Its files."""


def write_tree(workspace: Workspace, commit: str, folder: Path) -> None:
    """Writes a commit's files into a folder.

    Through an index of its own: a linked worktree would be registered in the repository, and stay
    there where this process is killed.

    Raises:
        WorkspaceError: Where git fails.
    """
    with tempfile.TemporaryDirectory() as temporary:
        index = {"GIT_INDEX_FILE": str(Path(temporary) / "index")}
        run_git(workspace.root, "read-tree", commit, environment=index)
        prefix = f"--prefix={folder.resolve()}/"
        run_git(workspace.root, "checkout-index", "--all", prefix, environment=index)


def contents_of(path: Path, root: Path) -> Contents | None:
    """What DVC would record of a file or folder, hashed anew; None where there is none.

    Args:
        path: The file or folder.
        root: The folder whose ``.dvcignore`` counts.
    """
    from dvc.fs import LocalFileSystem
    from dvc.ignore import DvcIgnoreFilter
    from dvc_data.hashfile.build import build
    from dvc_data.hashfile.db.local import LocalHashFileDB

    if not path.exists():
        return None
    files = LocalFileSystem()
    ignored = DvcIgnoreFilter(files, str(root.resolve()))
    make_store: Any = LocalHashFileDB  # which has no types
    store = make_store(files, str(root.resolve()))
    place = str(path.resolve())
    _, _, found = build(store, place, files, "md5", dry_run=True, ignore=ignored)
    return Contents(hash=str(found.hash_info.value), members=_members(found))


def put_back(cache: Cache, md5: str, target: Path) -> bool:
    """Writes a data set from the cache, as copies that are proven to be what their names say.

    Args:
        cache: Where it lies.
        md5: Its hash.
        target: Where to; it must not exist.

    Returns:
        Whether all of it was in the cache; else nothing is written.

    Raises:
        LineageError: Where an object is not what its name says, or a path leads out of the folder.
    """
    if not cache.object(md5).exists():
        return False
    if md5.endswith(".dir"):
        _require_intact(cache.object(md5), md5)
    members = cache.members(md5)
    if not all(cache.object(member.hash).exists() for member in members):
        return False
    for member in members:
        file = target / member.path if member.path else target
        file.parent.mkdir(parents=True, exist_ok=True)
        _copy(cache.object(member.hash), member.hash, file)
    return True


def _members(found: Any) -> list[Member]:
    if not found.hash_info.isdir:
        return [Member(path="", hash=str(found.hash_info.value))]
    return [Member(path="/".join(key), hash=str(info.value)) for key, _, info in found]


def _require_intact(file: Path, md5: str) -> None:
    digest = md5_of(file.read_bytes())
    if digest != md5.removesuffix(".dir"):
        raise _spoilt(file, digest)


def _copy(source: Path, md5: str, target: Path) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    with source.open("rb") as read, target.open("wb") as written:
        while block := read.read(_BLOCK):
            digest.update(block)
            written.write(block)
    if digest.hexdigest() != md5:
        raise _spoilt(source, digest.hexdigest())


def _spoilt(file: Path, digest: str) -> LineageError:
    return LineageError(
        f"{file}: its MD5 is {digest}, which is not its name; `rsft audit --all` tells what "
        "else is spoilt, and `dvc fetch` brings the object back once the file is removed"
    )
