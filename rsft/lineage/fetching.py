"""Bringing objects back into the cache, proven to be what their names say.

From the remote, or from what was made anew.
"""

import shutil
import tempfile
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path

from rsft.lineage.cache import Cache, Member, is_folder
from rsft.lineage.hashing import file_md5, md5_of
from rsft.lineage.stores import Store, open_stores
from rsft.lineage.tree import folder_list
from rsft.lineage.workspace import Workspace


class Fetcher:
    """Brings single objects, where there is a remote that has them."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._cache = Cache(workspace)

    @cached_property
    def _remotes(self) -> Sequence[Store]:
        _, *remotes = open_stores(self._workspace)
        return remotes

    def has(self, md5: str) -> bool:
        """Whether an object is in the cache, brought there from the remote if need be.

        Raises:
            LineageError: Where it is not in the cache, and the remote cannot be used.
        """
        place = self._cache.object(md5)
        return place.exists() or any(_bring(store, md5, place) for store in self._remotes)

    def object(self, md5: str) -> Path:
        """Where an object lies in the cache, brought there if need be, and if it is anywhere.

        Raises:
            LineageError: As ``has``.
        """
        self.has(md5)
        return self._cache.object(md5)

    def members(self, md5: str) -> Sequence[Member]:
        """The files of a data set, whose list is brought if need be.

        Raises:
            LineageError: As ``has`` and ``Cache.members``.
        """
        self.has(md5)
        return self._cache.members(md5)


def keep_dataset(
    cache: Cache, place: Path, md5: str, members: Sequence[Member], purged: Collection[str]
) -> int:
    """Has the cache hold again what it lacks of a data set that is at hand.

    Args:
        cache: The cache.
        place: The file or folder.
        md5: Its hash.
        members: Its files.
        purged: Objects that are gone on purpose.

    Returns:
        How many objects it lacked and now holds.
    """
    contents = {
        member.hash: (place / member.path if member.path else place).read_bytes
        for member in members
    }
    if is_folder(md5):
        listed = {member.path: member.hash for member in members}
        contents[md5] = lambda: folder_list(listed)
    lacking = [name for name in contents if not cache.object(name).exists()]
    return sum(_keep(cache, contents[name](), name) for name in set(lacking).difference(purged))


def keep_bytes(cache: Cache, content: bytes) -> str:
    """Has the cache hold a file of some bytes; its hash."""
    md5 = md5_of(content)
    _keep(cache, content, md5)
    return md5


def _keep(cache: Cache, content: bytes, md5: str) -> bool:
    place = cache.object(md5)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as temporary:
        copy = Path(temporary) / "copy"
        copy.write_bytes(content)
        return _settle(copy, md5, place)


def _bring(store: Store, md5: str, place: Path) -> bool:
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as temporary:
        copy = Path(temporary) / "copy"
        try:
            with store.open(md5) as read, copy.open("wb") as written:
                shutil.copyfileobj(read, written)
        except FileNotFoundError:
            return False
        except Exception:  # noqa: BLE001  # each kind of remote has errors of its own
            store.require_reached()
            return False
        return _settle(copy, md5, place)


def _settle(copy: Path, md5: str, place: Path) -> bool:
    """Puts a copy in an object's place, if it is the object."""
    if file_md5(copy) != md5.removesuffix(".dir"):
        return False
    copy.chmod(0o444)  # as DVC has its objects
    copy.replace(place)
    return True
