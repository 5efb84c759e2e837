"""Slices of a round's table that fit into memory, each of whole prompts.

``generate`` writes all candidates of a prompt into one part, and later stages write a part for a
part, so that parts make slices. That is proven before it is relied on, in 8 bytes a prompt.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rsft.keys import text_keys
from rsft.ledger import extent_of, files_of, is_table_of, read_tables

_BYTES = 1 << 28
"""From how many bytes on a slice is full, whatever its rows: texts may be long. They are counted as
they are encoded, equal ones of a part once."""


def slices_of(folder: Path, record: type[Any], rows: int) -> list[list[Path]]:
    """Groups the parts of a table into slices, in order.

    All parts are one slice where rows of a prompt would lie in two, or where one is no table of
    the record. Two prompts of one 64-bit hash, likely once in 4,000 tables of 100M prompts, look
    like the former: that costs memory alone.

    Args:
        folder: Of the parts.
        record: What they are to be tables of.
        rows: From how many rows on a slice is full; one of long texts is sooner.

    Raises:
        LedgerError: Where there is no table, or a part cannot be read.
    """
    files = files_of(folder)
    if not all(is_table_of(file, record) for file in files):
        return [files]
    slices = _filled(files, rows)
    if len(slices) == 1:
        return slices
    key_P = np.concatenate([_prompt_keys(parts, record) for parts in slices])
    key_P.sort()
    return [files] if (key_P[1:] == key_P[:-1]).any() else slices


def _filled(files: Iterable[Path], rows: int) -> list[list[Path]]:
    slices: list[list[Path]] = [[]]
    held = size = 0
    for file in files:
        if held >= rows or size >= _BYTES:
            slices.append([])
            held = size = 0
        slices[-1].append(file)
        file_rows, file_bytes = extent_of(file)
        held += file_rows
        size += file_bytes
    return slices


def _prompt_keys(parts: Sequence[Path], record: type[Any]) -> np.ndarray:
    """Hash of each prompt that has rows in a slice, (P,) uint64."""
    keys = [
        text_keys(table["prompt_id"])
        for part in parts
        for table in read_tables(part, record, ["prompt_id"])
    ]
    distinct_P: np.ndarray = np.unique(np.concatenate(keys))
    return distinct_P
