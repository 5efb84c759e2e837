"""Data sets by hash, as DVC's cache holds them: read where they lie, whatever is checked out.

A file is one object; a folder is an object too, a list of its files and their hashes.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rsft.errors import LineageError
from rsft.lineage.workspace import Workspace

OBJECTS = Path("files/md5")
"""Where DVC puts objects, below a cache or a remote."""

_FOLDER = ".dir"
_FILE = re.compile(r"[0-9a-f]{32}")
_OBJECT = re.compile(r"[0-9a-f]{32}(\.dir)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file of a data set."""

    path: str
    """Where in the folder, with ``/``; empty where the data set is one file."""
    hash: str
    """Its MD5."""


class Cache:
    """The cache of a checkout."""

    def __init__(self, workspace: Workspace) -> None:
        from dvc.config import Config

        settings = Config(str(workspace.home / ".dvc"))["cache"]
        place = settings.get("dir") or workspace.home / ".dvc" / "cache"
        self.folder = Path(place) / OBJECTS

    def object(self, md5: str) -> Path:
        """Where an object lies, if it is there.

        Raises:
            LineageError: Where that is no object's name; it might name any file.
        """
        _require_object(md5)
        return self.folder / md5[:2] / md5[2:]

    def members(self, md5: str) -> Sequence[Member]:
        """The files of a data set.

        Raises:
            LineageError: Where the list of a folder is not in the cache, or is none; or where that
                is no object's name.
        """
        _require_object(md5)
        if not is_folder(md5):
            return [Member(path="", hash=md5)]
        try:
            return parse_members(self.object(md5).read_bytes(), name=str(self.object(md5)))
        except FileNotFoundError:
            raise LineageError(
                f"the list of data set {md5} is not in the cache; `dvc pull` or `rsft audit` tells "
                "what is left of it"
            ) from None


def is_object(md5: object) -> bool:
    """Whether this is what DVC names an object by; what a tag or a list says may be anything."""
    return isinstance(md5, str) and _OBJECT.fullmatch(md5) is not None


def is_folder(md5: str) -> bool:
    """Whether an object is the list of a folder's files."""
    return md5.endswith(_FOLDER)


def _require_object(md5: object) -> None:
    if not is_object(md5):
        raise LineageError(
            f"{md5!r} names no object of a cache; `rsft audit` tells whose tag says so"
        )


def parse_members(content: bytes, *, name: str) -> Sequence[Member]:
    """The files that the list of a folder names; ``name`` is what messages call it.

    Raises:
        LineageError: Where it is no such list, or a path in it leads out of the folder.
    """
    try:
        listed = [(entry["relpath"], entry["md5"]) for entry in json.loads(content)]
    except (ValueError, KeyError, TypeError):
        listed = [(None, None)]
    if not all(isinstance(path, str) and _FILE.fullmatch(str(md5)) for path, md5 in listed):
        raise LineageError(f"{name} is no list of a folder's files; `rsft audit` tells more")
    for path, _ in listed:
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise LineageError(f"{name} holds {path!r}, which lies outside of its folder")
    return [Member(path=path, hash=md5) for path, md5 in listed]
