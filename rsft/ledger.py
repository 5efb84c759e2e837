"""Tables on disk: Parquet, one row per record of ``rsft.types``, readable by anyone.

A table is a file or a folder of parts. Files appear whole or not at all. ``Ledger`` collects the
parts of a table while they are being made, so that a killed run repeats only the part in flight.
"""

import dataclasses
import hashlib
import json
import os
import shutil
import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from rsft.errors import LedgerError
from rsft.types import Turn

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a field of some type lies in a column."""

    arrow: pa.DataType
    to_arrow: Callable[[Any], Any] | None = None
    """Null where Arrow takes the value as it is."""
    from_arrow: Callable[[Any], Any] | None = None
    """Null where Arrow gives it back as it was."""


_KINDS = {
    str: _Kind(pa.string()),
    int: _Kind(pa.int64()),
    float: _Kind(pa.float64()),
    bool: _Kind(pa.bool_()),
    tuple[int, ...]: _Kind(pa.list_(pa.int32()), from_arrow=tuple),
    dict[str, float]: _Kind(
        pa.map_(pa.string(), pa.float64()),
        to_arrow=lambda value: list(value.items()),
        from_arrow=dict,
    ),
    tuple[Turn, ...]: _Kind(
        pa.list_(
            pa.struct([pa.field(f.name, pa.string(), False) for f in dataclasses.fields(Turn)])
        ),
        to_arrow=lambda turns: [dataclasses.asdict(turn) for turn in turns],
        from_arrow=lambda turns: tuple(Turn(**turn) for turn in turns),
    ),
}


def schema_of(record: type[Any]) -> pa.Schema:
    """The Arrow schema of a record: its fields in order, nullable where ``None`` is allowed."""
    return pa.schema(
        [pa.field(name, kind.arrow, nullable) for name, kind, nullable in _columns_of(record)]
    )


def _columns_of(record: type[Any]) -> list[tuple[str, _Kind, bool]]:
    """Name and kind of each field, and whether it may be null."""
    hints = typing.get_type_hints(record)
    columns = []
    for field in dataclasses.fields(record):
        hint = hints[field.name]
        arguments = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        (kind,) = [a for a in arguments if a is not type(None)]
        if typing.get_origin(kind) is typing.Literal:
            kind = str
        columns.append((field.name, _KINDS[kind], type(None) in arguments))
    return columns


def write_rows(path: Path, record: type[Record], rows: Iterable[Record]) -> None:
    """Writes a table to a Parquet file, whole or not at all.

    Args:
        path: The file; its folder is made.
        record: The rows' type, which gives the schema, also of an empty table.
        rows: Instances of it.
    """
    held = list(rows)
    columns = {
        name: _each([getattr(row, name) for row in held], kind.to_arrow)
        for name, kind, _ in _columns_of(record)
    }
    table = pa.table(columns, schema=schema_of(record))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        pq.write_table(table, temporary, compression="zstd")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_rows(path: Path, record: type[Record]) -> list[Record]:
    """Reads a table: a Parquet file, or a folder's ``*.parquet`` in order of name.

    Raises:
        LedgerError: Where there is none, it cannot be read, or it is a table of something else.
    """
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files or not files[0].exists():
        raise LedgerError(f"{path}: no table here; run the stage that makes it (`rsft run`)")
    return [row for file in files for row in _read_file(file, record)]


def _read_file(file: Path, record: type[Record]) -> list[Record]:
    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise LedgerError(
            f"{file}: not a readable Parquet file ({error}); remove it and run again"
        ) from None
    schema = schema_of(record)
    if table.schema.names != schema.names or table.schema.types != schema.types:
        raise LedgerError(
            f"{file}: not a table of {record.__name__}; its columns are {table.schema.names}"
        )
    columns = [
        _each(table.column(name).to_pylist(), kind.from_arrow)
        for name, kind, _ in _columns_of(record)
    ]
    return [
        record(**dict(zip(schema.names, values, strict=True)))
        for values in zip(*columns, strict=True)
    ]


def _each(values: list[Any], change: Callable[[Any], Any] | None) -> list[Any]:
    """The values, changed; null stays null."""
    if change is None:
        return values
    return [None if value is None else change(value) for value in values]


class Ledger:
    """Parts of one table in the making, under a key that says exactly what they are.

    Parts with another key live in another folder, so nothing drawn under one law can be taken for
    something drawn under another.
    """

    def __init__(self, root: Path, record: type, key: dict[str, Any]) -> None:
        """Opens the ledger of a key below ``root``, or makes it.

        Args:
            root: Folder of all ledgers.
            record: Type of the rows.
            key: Everything that the rows are a function of, as JSON.
        """
        text = json.dumps(key, sort_keys=True, indent=1)
        self.folder = root / hashlib.sha256(text.encode()).hexdigest()[:20]
        self._record = record
        self.folder.mkdir(parents=True, exist_ok=True)
        for leftover in self.folder.glob(".*.tmp"):
            leftover.unlink()
        (self.folder / "key.json").write_text(text, encoding="utf-8")

    def has(self, part: int) -> bool:
        """Whether a part is complete."""
        return self._path(part).exists()

    def append(self, part: int, rows: Iterable[Any]) -> None:
        """Adds a part, whole or not at all."""
        write_rows(self._path(part), self._record, rows)

    def materialise(self, folder: Path, parts: int) -> None:
        """Copies the first ``parts`` parts into a stage's output folder.

        Raises:
            LedgerError: Where a part is missing or corrupt.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for part in range(parts):
            _read_file(self._path(part), self._record)
            shutil.copyfile(self._path(part), folder / self._path(part).name)

    def _path(self, part: int) -> Path:
        return self.folder / f"part-{part:05d}.parquet"
