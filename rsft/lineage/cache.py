"""Data sets by hash, as DVC's cache holds them: read where they lie, whatever is checked out.

A file is one object; a folder is an object too, a list of its files and their hashes.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rsft.errors import LineageError
from rsft.lineage.workspace import Workspace

_FOLDER = ".dir"


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
        self._folder = workspace.home / ".dvc" / "cache" / "files" / "md5"

    def object(self, md5: str) -> Path:
        """Where an object lies, if it is there."""
        return self._folder / md5[:2] / md5[2:]

    def members(self, md5: str) -> Sequence[Member]:
        """The files of a data set.

        Raises:
            LineageError: Where the list of a folder is not in the cache, or is none.
        """
        if not md5.endswith(_FOLDER):
            return [Member(path="", hash=md5)]
        try:
            listed = json.loads(self.object(md5).read_bytes())
            return [Member(path=entry["relpath"], hash=entry["md5"]) for entry in listed]
        except FileNotFoundError:
            raise LineageError(
                f"the list of data set {md5} is not in the cache; `dvc pull` or `rsft audit` tells "
                "what is left of it"
            ) from None
        except (ValueError, KeyError, TypeError):
            raise LineageError(f"{self.object(md5)} is no list of a folder's files") from None
