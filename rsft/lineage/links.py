"""Data sets laid out as folders again, of hard links into the cache where its disk allows."""

import os
import shutil
from pathlib import Path

from rsft.errors import LineageError
from rsft.lineage.cache import Cache
from rsft.lineage.fetching import Fetcher
from rsft.lineage.workspace import Workspace


def link_dataset(workspace: Workspace, md5: str, folder: Path, only: str | None = None) -> Path:
    """Lays a data set out, for reading: who wrote into it would write into the cache.

    Args:
        workspace: The checkout whose cache has its objects, or whose remote does.
        md5: Its hash.
        folder: Where to: a new folder, or a new file for a data set that is one.
        only: Path of the one file that is wanted; null for all.

    Returns:
        That path.

    Raises:
        LineageError: Where an object is to be had nowhere, or a name in it leads out of the folder.
    """
    cache, fetcher = Cache(workspace), Fetcher(workspace)
    fetcher.has(md5)
    for member in cache.members(md5):
        if only not in (None, member.path):
            continue
        if not fetcher.has(member.hash):
            raise LineageError(
                f"object {member.hash} of data set {md5} is neither in the cache nor in the "
                "remote; `rsft audit --all` tells whether it was purged, and what else is lost"
            )
        target = cache.object(member.hash).resolve()
        place = folder / member.path
        place.parent.mkdir(parents=True, exist_ok=True)
        _link(target, place)
    return folder


def _link(target: Path, place: Path) -> None:
    try:
        os.link(target, place)
    except OSError:  # another disk, or one without hard links
        shutil.copyfile(target, place)
