"""Where objects are kept: DVC's cache, and the remote that they are pushed to."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from rsft.addresses import one_line, without_secrets
from rsft.errors import LineageError
from rsft.lineage.cache import OBJECTS, Cache, is_object
from rsft.lineage.inside import glob_inside
from rsft.lineage.remote_settings import require_no_secrets
from rsft.lineage.repository import open_repository
from rsft.lineage.workspace import Workspace

CACHE = "cache"
"""Name of the store that stages work on."""

NEW_KEYS = "put keys that are good into the environment, or into .dvc/config.local"
"""What to do where a server does not take them."""

_S3_SECONDS = {"connect_timeout": 5, "read_timeout": 15}
"""What a bucket may take to answer, unless the user said."""


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

    def require_reached(self) -> None:
        """Makes sure that it is its object which failed, and not the store.

        Raises:
            LineageError: Where it is away, not there, or refuses us.
        """


class ObjectStore(Store, Protocol):
    """A place of objects by their hash."""

    def objects(self) -> dict[str, int]:
        """Bytes by hash of each object in it.

        Raises:
            LineageError: Where it cannot be reached.
        """

    def remove(self, keys: Iterable[str]) -> None:
        """Removes objects for good.

        Raises:
            LineageError: Where one cannot be removed.
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

    def require_reached(self) -> None:
        """It is on this machine."""


class ObjectFolder(PlainFolder):
    """Objects on this machine, as DVC lays them out."""

    def place(self, key: str) -> str:
        """Where an object lies."""
        return f"{self.folder}/{key[:2]}/{key[2:]}"

    def objects(self) -> dict[str, int]:
        """Bytes by hash of each object; what is a link is none of it, nor what it leads to."""
        found = {}
        for part in filter(Path.is_dir, glob_inside(self.folder, "??")):
            for file in os.scandir(part):
                if is_object(part.name + file.name) and file.is_file(follow_symlinks=False):
                    found[part.name + file.name] = file.stat().st_size
        return found

    def remove(self, keys: Iterable[str]) -> None:
        """Removes objects for good.

        Raises:
            LineageError: Where one cannot be removed.
        """
        for key in keys:
            try:
                Path(self.place(key)).unlink(missing_ok=True)
            except OSError as error:
                raise _not_removed(self.place(key), error) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteStore:
    """A store that DVC reaches through a file system of its own, such as a bucket."""

    name: str
    """What people call it."""
    database: Any
    """DVC's object database of it."""

    def place(self, key: str) -> str:
        """Where an object lies in it, without secrets."""
        return without_secrets(str(self.database.oid_to_path(key)))

    def size(self, key: str) -> int | None:
        """It is not asked for: a request an object."""
        return None

    def open(self, key: str) -> IO[bytes]:
        """Opens an object."""
        opened: IO[bytes] = self.database.fs.open(self.database.oid_to_path(key), "rb")
        return opened

    def require_reached(self) -> None:
        """Makes sure that it is its object which failed, and not the store.

        Raises:
            LineageError: Where it is away, not there, or refuses us.
        """
        try:
            require_reached(self.database)
        except Exception as error:  # noqa: BLE001  # each kind of remote has errors of its own
            raise _unusable(self.name, error) from None

    def objects(self) -> dict[str, int]:
        """Bytes by hash of each object.

        Raises:
            LineageError: Where it cannot be reached.
        """
        try:
            listed = self.database.fs.fs.find(self.database.path, detail=True)
        except Exception as error:  # noqa: BLE001  # each file system has errors of its own
            raise LineageError(f"the {self.name} cannot be listed ({one_line(error)})") from None
        named = {"".join(path.split("/")[-2:]): told for path, told in listed.items()}
        return {name: int(told.get("size") or 0) for name, told in named.items() if is_object(name)}

    def remove(self, keys: Iterable[str]) -> None:
        """Removes objects for good.

        Raises:
            LineageError: Where one cannot be removed.
        """
        for key in keys:
            try:
                self.database.fs.remove(self.database.oid_to_path(key))
            except FileNotFoundError:
                continue
            except Exception as error:  # noqa: BLE001  # as above
                raise _not_removed(self.place(key), error) from None


def open_cache(workspace: Workspace) -> ObjectStore:
    """The cache."""
    return ObjectFolder(name=CACHE, folder=Cache(workspace).folder)


def open_stores(workspace: Workspace) -> list[ObjectStore]:
    """The cache, and the default remote where one is set.

    Raises:
        LineageError: Where the settings of the remote are wrong, or it cannot be reached.
        WorkspaceError: Where they hold a secret that git keeps.
    """
    return [open_cache(workspace), *_remotes(workspace)]


def _remotes(workspace: Workspace) -> list[ObjectStore]:
    from dvc.config import Config

    require_no_secrets(workspace.root)
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
        require_reached(objects)
    except Exception as error:  # noqa: BLE001  # each kind of remote has errors of its own
        raise _unusable(name, error) from None
    return [RemoteStore(name=name, database=objects)]


def require_reached(objects: Any) -> None:
    """Lists a remote: a bucket that is not there would else be one that has nothing.

    Args:
        objects: DVC's object database of it.

    Raises:
        Exception: What its library raises where it is away, not there, or refuses us.
    """
    if objects.fs.protocol == "local":
        return
    try:
        objects.fs.fs.ls(objects.path, refresh=True)
    except FileNotFoundError as error:
        if error.__cause__ is not None:  # the bucket itself, by the server's word; no folder in it
            raise


def remote_objects(workspace: Workspace, remote: str | None) -> Any:
    """DVC's object database of a remote; null: the default one."""
    with open_repository(workspace) as repo:
        return open_remote(repo, remote)


def open_remote(repo: Any, remote: str | None) -> Any:
    """DVC's object database of a remote, which gives a server up that does not answer.

    By DVC's defaults it would be waited for without end, and each request be made 25 times.

    Args:
        repo: DVC's repository.
        remote: Its name; null: the default one.
    """
    name = remote or repo.config["core"].get("remote")
    settings = repo.config["remote"].get(name, {})
    if str(settings.get("url")).startswith("s3://"):
        settings |= _S3_SECONDS | settings
    objects = repo.cloud.get_remote_odb(remote, hash_name="md5")
    if objects.fs.protocol == "s3":
        objects.fs.fs.retries = 1  # of s3fs, each of which is five of boto's
    return objects


def forget_pushed(workspace: Workspace) -> None:
    """Has DVC ask its remote again, which it else takes to have what was once pushed."""
    from dvc_data.hashfile.db import get_index

    get_index(remote_objects(workspace, None)).clear()


def is_refusal(error: BaseException) -> bool:
    """Whether a server does not take the keys it was given; a disk would have said a number."""
    return isinstance(error, PermissionError) and error.errno is None


def _unusable(name: str, error: Exception) -> LineageError:
    remedy = NEW_KEYS if is_refusal(error) else "`dvc remote list` shows what is set"
    return LineageError(f"DVC's {name} cannot be used ({one_line(error)}); {remedy}")


def _not_removed(place: str, error: Exception) -> LineageError:
    return LineageError(
        f"{place} cannot be removed ({one_line(error)}); what is left goes next time"
    )
