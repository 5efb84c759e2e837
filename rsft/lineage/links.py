"""Data sets laid out as folders again, of hard links into the cache where its disk allows."""

import os
import shutil
from pathlib import Path

from rsft.errors import LineageError
from rsft.lineage.cache import Cache


def link_dataset(cache: Cache, md5: str, folder: Path) -> Path:
    """Lays a data set out, for reading: who wrote into it would write into the cache.

    Args:
        cache: Where its objects are.
        md5: Its hash.
        folder: Where to: a new folder, or a new file for a data set that is one.

    Returns:
        That path.

    Raises:
        LineageError: Where an object is not in the cache, or a name in it leads out of the folder.
    """
    for member in cache.members(md5):
        target = cache.object(member.hash).resolve()
        if not target.exists():
            raise LineageError(
                f"object {member.hash} of data set {md5} is not in the cache; `dvc pull` brings "
                "what the remote has"
            )
        place = folder / member.path
        place.parent.mkdir(parents=True, exist_ok=True)
        _link(target, place)
    return folder


def _link(target: Path, place: Path) -> None:
    try:
        os.link(target, place)
    except OSError:  # another disk, or one without hard links
        shutil.copyfile(target, place)
