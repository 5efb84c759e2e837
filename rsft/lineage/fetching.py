"""Bringing objects back into the cache: from the remote, proven to be what their names say."""

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from rsft.lineage.cache import Cache
from rsft.lineage.stores import Store, open_stores
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


def keep_file(cache: Cache, file: Path, md5: str) -> bool:
    """Has the cache hold a copy of a file as an object; whether the file is that object."""
    place = cache.object(md5)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as temporary:
        copy = Path(temporary) / "copy"
        shutil.copyfile(file, copy)
        return _settle(copy, md5, place)


def _bring(store: Store, md5: str, place: Path) -> bool:
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as temporary:
        copy = Path(temporary) / "copy"
        with suppress(Exception), store.open(md5) as read, copy.open("wb") as written:
            shutil.copyfileobj(read, written)
            written.flush()
            return _settle(copy, md5, place)
    return False


def _settle(copy: Path, md5: str, place: Path) -> bool:
    """Puts a copy in an object's place, if it is the object."""
    with copy.open("rb") as content:
        digest = hashlib.file_digest(content, "md5").hexdigest()
    if digest != md5.removesuffix(".dir"):
        return False
    copy.chmod(0o444)  # as DVC has its objects
    copy.replace(place)
    return True
