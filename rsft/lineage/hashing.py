"""Hashing again what is kept: each object's MD5 as it lies, as fast as the processors read.

DVC's own check is not used: it deletes an object whose hash is wrong, and goes by size and time of
change where it can.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import IO

from rsft.addresses import one_line
from rsft.errors import LineageError
from rsft.lineage.stores import Store
from rsft.types import Progress

_MD5 = partial(hashlib.md5, usedforsecurity=False)
_SMALL = 64
"""Objects that a thread takes at a time: of small ones there are thousands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashed:
    """What lies where an object should."""

    hash: str | None
    """MD5 of what is there; null where nothing is, or it cannot be read."""
    size: int
    """Bytes read."""
    error: str | None = None
    """Why it cannot be read; null also where it is not there."""


def hash_objects(store: Store, objects: Iterable[str], progress: Progress) -> dict[str, Hashed]:
    """Hashes objects of a store.

    Args:
        store: Where they lie.
        objects: What it knows them by.
        progress: Told how many are done.

    Returns:
        By object what lies there.

    Raises:
        LineageError: Where the store went away meanwhile: it is not waited for object by object.
    """
    # The largest first, so that no processor is left with one at the end.
    names = sorted(objects, key=lambda key: -(store.size(key) or 0))
    batches = list(_batches(store, names))
    found: dict[str, Hashed] = {}
    is_away = Event()

    def hash_batch(batch: Sequence[str]) -> list[Hashed]:
        if is_away.is_set():
            return []  # whoever found that out raises
        try:
            return [_hash(store, key) for key in batch]
        except LineageError:
            is_away.set()
            raise

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        for hashed in threads.map(hash_batch, batches):
            found |= zip(names[len(found) :], hashed, strict=False)
            progress(len(found), len(names), store.name)
    return found


def md5_of(content: bytes) -> str:
    """MD5 of bytes."""
    return _MD5(content).hexdigest()


def file_md5(file: Path) -> str:
    """MD5 of a file, as DVC names it."""
    with file.open("rb") as content:
        return str(_digest(content).hash)


def _batches(store: Store, names: Sequence[str]) -> Iterable[Sequence[str]]:
    """Large objects one by one, small ones together."""
    large = sum(1 for key in names if (store.size(key) or 0) >= 1 << 20)
    yield from ([key] for key in names[:large])
    yield from (names[start : start + _SMALL] for start in range(large, len(names), _SMALL))


def _hash(store: Store, key: str) -> Hashed:
    try:
        return _read(store, key)
    except Exception:  # noqa: BLE001  # each kind of remote has errors of its own
        store.require_reached()
    try:
        return _read(store, key)  # a connection may break
    except Exception as error:  # noqa: BLE001  # as above
        return Hashed(hash=None, size=0, error=one_line(error))


def _read(store: Store, key: str) -> Hashed:
    try:
        with store.open(key) as content:
            return _digest(content)
    except FileNotFoundError:
        return Hashed(hash=None, size=0)


def _digest(content: IO[bytes]) -> Hashed:
    digest = hashlib.file_digest(content, _MD5)  # type: ignore[arg-type]
    return Hashed(hash=digest.hexdigest(), size=content.tell())
