"""Where objects are kept: DVC's cache, and the remote that they are pushed to."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from rsft.errors import LineageError
from rsft.lineage.cache import OBJECTS, Cache
from rsft.lineage.repository import open_repository
from rsft.lineage.workspace import Workspace

CACHE = "cache"
"""Name of the store that stages work on."""


class Store(Protocol):
    """A place of objects by their hash, or of files by their path."""

    @property
    def name(self) -> str:
        """What people call it: ``cache``, or ``remote 'store'``."""

    def place(self, key: str) -> str:
        """Where an object lies in it, for messages."""

    def size(self, key: str) -> int | None:
        """Bytes of an object; null where they are not known without reading it."""

    def open(self, key: str) -> IO[bytes]:
        """Opens an object.

        Raises:
            OSError: Where it is not there, or cannot be read.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainFolder:
    """Files on this machine, by their path in a folder."""

    name: str
    """What people call it."""
    folder: Path
    """The folder."""

    def place(self, key: str) -> str:
        """Where a file lies."""
        return f"{self.folder}/{key}"

    def size(self, key: str) -> int | None:
        """Bytes of a file."""
        try:
            return os.stat(self.place(key)).st_size  # noqa: PTH116  # a path costs as much again
        except OSError:
            return None

    def open(self, key: str) -> IO[bytes]:
        """Opens a file, unbuffered: it is read in large blocks."""
        return open(self.place(key), "rb", buffering=0)  # noqa: PTH123


class ObjectFolder(PlainFolder):
    """Objects on this machine, as DVC lays them out."""

    def place(self, key: str) -> str:
        """Where an object lies."""
        return f"{self.folder}/{key[:2]}/{key[2:]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteStore:
    """A store that DVC reaches through a file system of its own, such as a bucket."""

    name: str
    """What people call it."""
    objects: Any
    """DVC's object database of it."""

    def place(self, key: str) -> str:
        """Where an object lies in it."""
        return str(self.objects.oid_to_path(key))

    def size(self, key: str) -> int | None:
        """It is not asked for: a request an object."""
        return None

    def open(self, key: str) -> IO[bytes]:
        """Opens an object."""
        opened: IO[bytes] = self.objects.fs.open(self.place(key), "rb")
        return opened


def open_cache(workspace: Workspace) -> Store:
    """The cache."""
    return ObjectFolder(name=CACHE, folder=Cache(workspace).folder)


def open_stores(workspace: Workspace) -> list[Store]:
    """The cache, and the default remote where one is set.

    Raises:
        LineageError: Where the settings of the remote are wrong, or it cannot be reached.
    """
    return [open_cache(workspace), *_remotes(workspace)]


def _remotes(workspace: Workspace) -> list[Store]:
    from dvc.config import Config

    settings = Config(str(workspace.root / ".dvc"))
    remote = settings["core"].get("remote")
    if remote is None:
        return []
    name = f"remote {remote!r}"
    try:
        url = settings["remote"][remote]["url"]
        if "://" not in url:
            return [ObjectFolder(name=name, folder=Path(url) / OBJECTS)]
        objects = remote_objects(workspace, remote)
        objects.fs.exists(objects.path)  # asked once, and not found out at each object
    except Exception as error:  # noqa: BLE001  # each file system has errors of its own
        line = " ".join(str(error).split())
        raise LineageError(
            f"DVC's {name} cannot be used ({line}); `dvc remote list` shows what is set"
        ) from None
    return [RemoteStore(name=name, objects=objects)]


def remote_objects(workspace: Workspace, remote: str | None) -> Any:
    """DVC's object database of a remote; null for the default one."""
    with open_repository(workspace) as repo:
        return repo.cloud.get_remote_odb(remote, hash_name="md5")
