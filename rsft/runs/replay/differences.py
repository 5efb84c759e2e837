"""How a file that was rebuilt differs from the one that was recorded, in one line.

Tables are compared row by row, weights tensor by tensor, documents key by key; of anything else
the first byte that differs is told. What is told of a table are places, ids and columns, never
what the rows say.
"""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_IDS = ("prompt_id", "round", "draw")
"""Columns that say which row it is."""
_SHOWN = 3
"""So many rows, tensors or keys are named."""
_LONGEST = 40
"""Characters of a document's value that are shown."""
_BLOCK = 1 << 20


def difference(suffix: str, recorded: Path, rebuilt: Path) -> str:
    """How two files differ.

    Args:
        suffix: What kind of file they are, such as ``.parquet``: an object of a cache has no name.
        recorded: The one that was recorded.
        rebuilt: The other.
    """
    compared = {".parquet": _tables, ".safetensors": _weights, ".json": _documents}.get(suffix)
    if compared is None:
        return _bytes(recorded, rebuilt)
    try:
        return compared(recorded, rebuilt)
    except Exception:  # noqa: BLE001  # whichever library cannot read one of them
        return _bytes(recorded, rebuilt)


def _tables(recorded: Path, rebuilt: Path) -> str:
    # Not by path: a folder of that name somewhere above would be taken for a partition.
    before, after = (pq.read_table(pa.memory_map(str(file))) for file in (recorded, rebuilt))
    if before.schema != after.schema:
        return (
            f"columns {', '.join(after.schema.names)} instead of {', '.join(before.schema.names)}"
        )
    rows = min(before.num_rows, after.num_rows)
    differs_N = np.zeros(rows, dtype=bool)
    columns = []
    for name in before.schema.names:
        own_N = _unequal(before[name].slice(0, rows), after[name].slice(0, rows))
        differs_N |= own_N
        if own_N.any():
            columns.append(name)
    told = []
    if before.num_rows != after.num_rows:
        told.append(f"{after.num_rows:,} rows instead of {before.num_rows:,}")
    if columns:
        places = np.flatnonzero(differs_N)
        named = _listed([_row(before, int(place)) for place in places[:_SHOWN]], len(places))
        told.append(f"{len(places):,} of {rows:,} rows differ in {', '.join(columns)}: {named}")
    return "; ".join(told) or "the same rows, written in another way"


def _unequal(before: pa.ChunkedArray, after: pa.ChunkedArray) -> np.ndarray:
    """(N,) whether the values of a column differ; a NaN is equal to a NaN."""
    if before.equals(after):
        return np.zeros(len(before), dtype=bool)
    pairs = zip(before.to_pylist(), after.to_pylist(), strict=True)
    return np.array([not _is_same(old, new) for old, new in pairs], dtype=bool)


def _is_same(old: Any, new: Any) -> bool:
    are_numbers = isinstance(old, float) and isinstance(new, float)
    return bool(old == new) or (are_numbers and math.isnan(old) and math.isnan(new))


def _row(table: pa.Table, place: int) -> str:
    ids = [f"{name} {table[name][place].as_py()}" for name in _IDS if name in table.schema.names]
    return f"row {place}" + (f" ({', '.join(ids)})" if ids else "")


def _weights(recorded: Path, rebuilt: Path) -> str:
    from safetensors.torch import load_file

    before, after = load_file(recorded), load_file(rebuilt)
    if before.keys() != after.keys():
        return f"other tensors: {_listed(sorted(before.keys() ^ after.keys()))}"
    shapes = [name for name in before if before[name].shape != after[name].shape]
    if shapes:
        return f"tensors of another shape: {_listed(shapes)}"
    differing = [name for name in before if not before[name].equal(after[name])]
    if not differing:
        return "the same tensors, written in another way"
    most = max(
        float((before[name].double() - after[name].double()).abs().max()) for name in differing
    )
    return f"{len(differing)} of {len(before)} tensors differ, by at most {most:.2g}"


def _documents(recorded: Path, rebuilt: Path) -> str:
    before, after = (
        dict(_leaves(json.loads(file.read_text(encoding="utf-8")))) for file in (recorded, rebuilt)
    )
    missing = object()
    differing = [
        f"{key} {_value(before, key)} → {_value(after, key)}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key, missing) != after.get(key, missing)
    ]
    return _listed(differing) if differing else "the same content, written in another way"


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Each value of a document that is no list or object, by its place."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, below in items:
            yield from _leaves(below, f"{place}.{key}" if place else str(key))
    else:
        yield place or "the value", value


def _value(leaves: dict[str, Any], key: str) -> str:
    shown = json.dumps(leaves[key]) if key in leaves else "nothing"
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"


def _bytes(recorded: Path, rebuilt: Path) -> str:
    sizes = f"{rebuilt.stat().st_size:,} bytes instead of {recorded.stat().st_size:,}"
    return f"{sizes}, the first that differs at {_first(recorded, rebuilt):,}"


def _first(recorded: Path, rebuilt: Path) -> int:
    """The first byte that differs, counted from 0."""
    place = 0
    with recorded.open("rb") as old, rebuilt.open("rb") as new:
        while True:
            before, after = old.read(_BLOCK), new.read(_BLOCK)
            if before != after or not before:
                pairs = enumerate(zip(before, after, strict=False))
                own = next((n for n, (a, b) in pairs if a != b), min(len(before), len(after)))
                return place + own
            place += len(before)


def _listed(names: Sequence[str], count: int | None = None) -> str:
    """The first few names, and how many more there are."""
    count = len(names) if count is None else count
    more = count - min(count, _SHOWN)
    return ", ".join(names[:_SHOWN]) + (f", and {more:,} more" if more else "")
